export type StartedUpload = {
  readonly correlationId: string;
  readonly imageUploadPayload: {
    readonly uploadId: string;
    readonly key: string;
    readonly putUrl: string;
    readonly expiresAt: string;
  };
};
/** The resolver side of the gateway; an adapter wraps it in GraphQL. */
export type Gateway = {
  /** Mints the flow id and sends it with both REST calls, so that it reaches Kafka. */
  startUpload(input: { filename: string; contentType: string }): Promise<StartedUpload>;
  /** `correlationId` links the confirmation to the start; a client that omits it gets a separate flow. */
  confirmUpload(input: {
    uploadId: string;
    bytes: number;
    checksum: string;
    correlationId: string | null;
  }): Promise<{ readonly status: string }>;
};
