/**
 * Errors as data. A `PalisadeError` is thrown for bugs and failing I/O; a `Refusal` is a value:
 * what a rule answers when it says no. Both carry the same three things a person needs: what
 * happened and why (`message`), and what to do next (`next`).
 */
export type Retry = 'never' | 'later' | 'now';

/** Plain data that goes along with an error into logs and API answers. */
export type ErrorData = Readonly<
  Record<string, string | number | bigint | boolean | readonly string[]>
>;

/** A rule's "no": a value, never thrown. `code` reads `module/what-is-wrong`. */
export type Refusal = {
  readonly code: string;
  readonly message: string;
  readonly next?: string;
  readonly data?: ErrorData;
  readonly retry: Retry;
};

/** Builds a refusal; `retry` defaults to `never`: the same request would be refused again. */
export function refuse(
  code: string,
  message: string,
  more: { next?: string; data?: ErrorData; retry?: Retry } = {},
): Refusal {
  return { code, message, retry: more.retry ?? 'never', ...pick(more) };
}

function pick(more: { next?: string; data?: ErrorData }): { next?: string; data?: ErrorData } {
  return {
    ...(more.next === undefined ? {} : { next: more.next }),
    ...(more.data === undefined ? {} : { data: more.data }),
  };
}

/** The one error class of the house: `code` for machines, `message` and `next` for people. */
export class PalisadeError extends Error {
  readonly code: string;
  readonly retry: Retry;
  readonly next: string | undefined;
  readonly data: ErrorData;

  constructor(init: {
    code: string;
    message: string;
    next?: string;
    data?: ErrorData;
    retry?: Retry;
    cause?: unknown;
  }) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'PalisadeError';
    this.code = init.code;
    this.retry = init.retry ?? 'never';
    this.next = init.next;
    this.data = init.data ?? {};
  }

  /** Turns a refusal into an error, where a caller has nobody left to hand the value to. */
  static from(refusal: Refusal): PalisadeError {
    return new PalisadeError({
      code: refusal.code,
      message: refusal.message,
      retry: refusal.retry,
      ...pick(refusal),
    });
  }
}
