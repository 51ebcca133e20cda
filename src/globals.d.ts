// The few ambient names that src/ may use beyond ECMAScript itself. Everything else of the outside world (files, clocks, timers,
// process, console) doesn't exist for src/: it is compiled with `types: []`. Sources: WHATWG Encoding (TextDecoder, TextEncoder).

declare class TextDecoder {
  constructor(label?: 'utf-8', options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean });
  decode(input: Uint8Array): string;
}

declare class TextEncoder {
  constructor();
  encode(input: string): Uint8Array;
  encodeInto(source: string, destination: Uint8Array): { readonly read: number; readonly written: number };
}
