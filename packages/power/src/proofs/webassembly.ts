/** The part of the JavaScript API of WebAssembly that is used here; the type libraries lack it. */

/** Bytes of a page of its memory. */
export const PAGE_BYTES = 65_536;

export type Memory = { readonly buffer: ArrayBuffer };
type Imports = { readonly env: { readonly memory: Memory } };

export const { WebAssembly: wasm } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Memory: new (size: { readonly initial: number }) => Memory;
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object, imports: Imports) => { readonly exports: object };
  };
};
