// Two classes of kafkajs that it does not export; see wire-headers.ts.

declare module "kafkajs/src/protocol/encoder.js" {
  const Encoder: { prototype: { writeVarIntBytes(this: unknown, value: unknown): unknown } };
  export = Encoder;
}

declare module "kafkajs/src/protocol/decoder.js" {
  const Decoder: {
    prototype: { readVarIntArray(this: unknown, read: (decoder: unknown) => unknown): unknown[] };
  };
  export = Decoder;
}
