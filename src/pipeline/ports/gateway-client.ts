import type { Subscription } from "./transport.ts";

/** What a client can do with the gateway, over any transport. */
export interface GatewayClient {
  /** Throws E_UPLOAD_REFUSED with the reasons, E_SERVICE_UNAVAILABLE when the gateway does not respond. */
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
  /** Events of one flow from now on, in order. Resolves when the subscription is active. */
  subscribe(correlationId: string, listener: ClientListener): Promise<Subscription>;
}

export type ClientListener = {
  onEvent(event: {
    readonly name: string;
    readonly id: string;
    readonly payload: unknown;
    /** True: it happened, but the gateway did not tell this client. */
    readonly isUntold?: true;
  }): void;
  /** The connection is lost for good. */
  onLost(reason: string): void;
};

/** The deployed gateway: it takes no correlation id, and tells every client of every analysis, without its picture. */
export type DeployedGateway = Pick<GatewayClient, "startUpload" | "confirmUpload"> & {
  /** Every completed analysis, in the shape of `analysis.completed`. Resolves when the subscription is active. */
  onCompleted(
    listener: (payload: unknown) => void,
    onLost: ClientListener["onLost"],
  ): Promise<Subscription>;
};
