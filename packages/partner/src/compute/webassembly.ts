/**
 * The part of the JavaScript API of WebAssembly that is used here: every runtime has it, the type
 * libraries of Node do not.
 */
export type Instance = {
  readonly exports: {
    run(): void;
    readonly memory: { readonly buffer: ArrayBuffer };
    /** Globals that metering adds (`wasm/meter-module.ts`). */
    readonly fuel: { value: bigint };
    readonly stopped: { readonly value: number };
  };
};
type Imports = Readonly<Record<string, Readonly<Record<string, (...args: number[]) => unknown>>>>;

declare global {
  var WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object, imports: Imports) => Instance;
    readonly RuntimeError: new (message: string) => Error;
    readonly CompileError: new (message: string) => Error;
  };
}
