import type { Subscription } from "./transport.ts";

/** What a client of the gateway can do, whatever carries it. */
export interface GatewayClient {
  /** Throws E_UPLOAD_REFUSED with the reasons, E_SERVICE_UNAVAILABLE when nobody answers. */
  startUpload(input: { filename: string; contentType: string }): Promise<{
    readonly correlationId: string;
    readonly uploadId: string;
    readonly key: string;
    readonly putUrl: string;
    readonly expiresAt: string;
  }>;
  confirmUpload(input: {
    uploadId: string;
    bytes: number;
    checksum: string;
    correlationId: string;
  }): Promise<void>;
  /** Events of one flow from now on, in order. Resolves when the subscription is in force. */
  subscribe(correlationId: string, listener: ClientListener): Promise<Subscription>;
}

export type ClientListener = {
  onEvent(event: { readonly name: string; readonly id: string; readonly payload: unknown }): void;
  /** The connection is gone and will not come back. */
  onLost(reason: string): void;
};
