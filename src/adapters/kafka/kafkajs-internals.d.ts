// Parts of kafkajs that it does not export; see wire-headers.ts and log-brokers.ts.

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

declare module "kafkajs/src/protocol/requests/index.js" {
  /** How a request is written and its answer is read, in every version. */
  type Definition = { readonly versions: readonly string[] };
  const requests: {
    readonly requests: Readonly<Record<"Fetch" | "ListOffsets" | "Metadata", Definition>>;
  };
  export = requests;
}
