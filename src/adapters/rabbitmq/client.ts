import { isIP } from "node:net";
import type { ChannelModel, Options } from "amqplib";
import { TuError } from "../../pipeline/errors.ts";
import { toTuError } from "./errors.ts";

export type RabbitOptions = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Default `/`. */
  readonly vhost?: string;
  /** Present: TLS. What is absent in it is Node's default; `cert` and `key` are ours, in PEM. */
  readonly tls?: RabbitTls;
  /**
   * Default 5 s. A connection over which nothing comes is given up after two to three of these; a broker gives up a
   * client as soon.
   */
  readonly heartbeatSeconds?: number;
  /** How the connections are called in RabbitMQ's management. */
  readonly name?: string;
};

export type RabbitTls = {
  readonly ca?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly passphrase?: string;
  /** Default: `host`, if that is a name. */
  readonly servername?: string;
};

/** Opens one connection of amqplib's. Aborting `signal` cuts it, at any time. */
export type OpenModel = (purpose: string, signal: AbortSignal) => Promise<ChannelModel>;

export async function loadModels(options: RabbitOptions): Promise<OpenModel> {
  const { default: amqplib } = await import("amqplib");
  const { host, name = "tu-analyze", port, vhost = "/" } = options;
  const place: Options.Connect = {
    ...{ protocol: options.tls === undefined ? "amqp" : "amqps", hostname: host, port },
    ...{ username: options.user, password: options.password },
    vhost: encodeURIComponent(vhost), // amqplib decodes it
    heartbeat: options.heartbeatSeconds ?? 5,
  };
  return async (purpose, signal) => {
    const socket = {
      ...{ noDelay: true, keepAlive: true, keepAliveDelay: 30_000 },
      clientProperties: { connection_name: `${name}: ${purpose}` },
      ...tlsOf(options),
      signal, // Node's, which amqplib passes on
    };
    try {
      const model = await amqplib.connect(place, socket);
      model.on("error", () => undefined); // `close` follows
      return model;
    } catch (error) {
      throw (
        refusalIn(error, vhost) ?? toTuError(error, `cannot connect to RabbitMQ at ${host}:${port}`)
      );
    }
  };
}

function tlsOf({ host, tls }: RabbitOptions) {
  if (tls === undefined) return {};
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined);
  return {
    ...(tls.ca === undefined ? {} : { ca: pemOf(tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: pemOf(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: pemOf(tls.key) }),
    ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
    ...(servername === undefined ? {} : { servername }),
  };
}

function pemOf(given: string | Uint8Array): string | Buffer {
  return typeof given === "string" ? given : Buffer.from(given);
}

/**
 * A broker that closes the connection while it is being opened says why. Of that amqplib keeps a text: the code, if
 * the answer was to the credentials, and only that it was a close, if it was to the virtual host.
 */
function refusalIn(error: unknown, vhost: string): TuError | null {
  const text = error instanceof Error ? error.message : "";
  if (text.startsWith("Handshake terminated by server: 403"))
    return new TuError("E_ACCESS_REFUSED", "RabbitMQ refused the user or the password", {
      cause: error,
      hint: "check the user and the password; RabbitMQ's `guest` may connect from its own machine only",
    });
  if (text.startsWith("Expected ConnectionOpenOk; got <ConnectionClose"))
    return new TuError("E_ACCESS_REFUSED", `RabbitMQ refused the virtual host ${vhost}`, {
      cause: error,
      hint: "check that it exists, and that the user may use it",
    });
  return null;
}
