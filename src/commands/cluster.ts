import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { TuError } from "../pipeline/errors.ts";
import { environment, type Settings } from "./config.ts";
import { Context, type Secret, type Tls } from "./context-settings.ts";
import { local } from "./contexts.ts";
import { createProblems } from "./problems.ts";

// The context of a command, with its secrets: what the adapters need to reach a cluster.

/** PEM; what is absent is the system's. */
export type TlsFiles = { readonly ca?: string; readonly cert?: string; readonly key?: string };
export type Cluster = {
  readonly name: string;
  readonly kafka: {
    readonly brokers: readonly string[];
    readonly tls: TlsFiles | null;
    readonly sasl: {
      readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
      readonly username: string;
      readonly password: string;
    } | null;
  };
  readonly rabbitmq: {
    readonly host: string;
    readonly port: number;
    readonly vhost: string;
    readonly user: string;
    readonly password: string;
    readonly tls: TlsFiles | null;
  };
  readonly s3: {
    readonly endpoint: string;
    readonly publicBaseUrl: string;
    readonly region: string;
    readonly bucket: string;
    readonly accessKey: string;
    readonly secretKey: string;
    readonly ca: string | null;
  } | null;
  readonly gateway: { readonly url: string; readonly token: string | null } | null;
  /** Base addresses of services that others run. */
  readonly services: Readonly<Record<string, string>>;
  readonly internalToken: string | null;
};

/** The chosen context as it is configured; null: everything is embedded. Throws E_CONFIG. */
export function contextOf({ context, contexts }: Settings): Context | null {
  if (context === local) return null;
  return context === "env" ? environmentContext() : (contexts[context] ?? null);
}

/** With its secrets and certificates read. Throws E_CONFIG naming every one that cannot be. */
export async function openCluster(settings: Settings): Promise<Cluster | null> {
  const context = contextOf(settings);
  if (context === null) return null;
  const problems = createProblems();
  const reading: Reading = {
    secret: async (secret) =>
      (await problems.meetLater(() => readSecret(secret, settings.context))) ?? "",
    tls: async (given) => (await problems.meetLater(() => readTls(given))) ?? null,
    pem: async (path) => (await problems.meetLater(() => readPem(path))) ?? null,
  };
  const { internalToken, services = {} } = context;
  const cluster: Cluster = {
    name: settings.context,
    kafka: await kafkaOf(context, reading),
    rabbitmq: await rabbitmqOf(context, reading),
    s3: await s3Of(context, reading),
    gateway: await gatewayOf(context, reading),
    services,
    internalToken: internalToken === undefined ? null : await reading.secret(internalToken),
  };
  return problems.settled(cluster);
}

/** Where something cannot be read, it is empty, and the problem is noted. */
type Reading = {
  secret(secret: Secret): Promise<string>;
  tls(given: Tls | undefined): Promise<TlsFiles | null>;
  pem(path: string | undefined): Promise<string | null>;
};

async function kafkaOf({ kafka }: Context, { secret, tls }: Reading): Promise<Cluster["kafka"]> {
  const { brokers, sasl } = kafka;
  return {
    brokers,
    tls: await tls(kafka.tls),
    sasl: sasl === undefined ? null : { ...sasl, password: await secret(sasl.password) },
  };
}

async function rabbitmqOf(
  { rabbitmq }: Context,
  { secret, tls }: Reading,
): Promise<Cluster["rabbitmq"]> {
  const { host, username: user, vhost = "/" } = rabbitmq;
  const password = await secret(rabbitmq.password);
  return { host, port: portOf(rabbitmq), vhost, user, password, tls: await tls(rabbitmq.tls) };
}

async function s3Of({ s3 }: Context, { pem, secret }: Reading): Promise<Cluster["s3"]> {
  if (s3 === undefined) return null;
  const { accessKey, bucket, endpoint, publicUrl = endpoint, region = "us-east-1" } = s3;
  const secretKey = await secret(s3.secretKey);
  const place = { endpoint, publicBaseUrl: publicUrl, region, bucket };
  return { ...place, accessKey, secretKey, ca: await pem(s3.ca) };
}

async function gatewayOf({ gateway }: Context, { secret }: Reading): Promise<Cluster["gateway"]> {
  if (gateway === undefined) return null;
  const { token, url } = typeof gateway === "string" ? { url: gateway, token: undefined } : gateway;
  const bare = url.replace(/\/+$/, "");
  return { url: bare, token: token === undefined ? null : await secret(token) };
}

/** Where it is, for people: `staging (kafka a:9092, rabbitmq b:5672, s3 http://c:9000/images)`. */
export function targetText(settings: Settings): string {
  const context = contextOf(settings);
  if (context === null) return local;
  const { kafka, rabbitmq, s3 } = context;
  const legs = [
    `kafka ${kafka.brokers.join(",")}`,
    `rabbitmq ${rabbitmq.host}:${portOf(rabbitmq)}`,
    ...(s3 === undefined ? [] : [`s3 ${s3.endpoint.replace(/\/+$/, "")}/${s3.bucket}`]),
  ];
  return `${settings.context} (${legs.join(", ")})`;
}

/** Base address of the context's gateway, if it has one. */
export function gatewayUrl(settings: Settings): string | null {
  const gateway = contextOf(settings)?.gateway;
  if (gateway === undefined) return null;
  return typeof gateway === "string" ? gateway : gateway.url;
}

/** For a banner; empty for the embedded context. */
export const contextText = (settings: Settings): string =>
  settings.context === local ? "" : `context ${targetText(settings)} · `;

/**
 * Before anything is changed there. Throws E_READ_ONLY, and E_NOT_CONFIRMED unless a protected context is confirmed by
 * its name.
 */
export function requireChangeable(settings: Settings, confirmed: string | undefined): void {
  const { context } = settings;
  const configured = contextOf(settings);
  if (configured?.readOnly === true)
    throw new TuError("E_READ_ONLY", `context ${context} is read-only`, {
      hint: "use another context, or remove readOnly from its configuration",
    });
  if (configured?.protected !== true || confirmed === context) return;
  const given = confirmed === undefined ? "" : `, and --confirm names ${confirmed}`;
  throw new TuError("E_NOT_CONFIRMED", `context ${context} is protected${given}`, {
    hint: `this changes ${targetText(settings)}: add --confirm ${context}`,
  });
}

export const portOf = ({ port, tls }: Context["rabbitmq"]): number =>
  port ?? (isOn(tls) ? 5671 : 5672);

const isOn = (tls: Tls | undefined): boolean => tls !== undefined && tls !== false;

async function readTls(given: Tls | undefined): Promise<TlsFiles | null> {
  if (given === undefined || given === false) return null;
  if (given === true) return {};
  const [ca, cert, key] = await Promise.all([given.ca, given.cert, given.key].map(readPem));
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

async function readPem(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const text = await readText(path);
  if (text.includes("-----BEGIN ")) return text;
  throw new TuError("E_CONFIG", `${path} is not in PEM format`, {
    hint: "it must begin with a line such as -----BEGIN CERTIFICATE-----",
  });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    throw new TuError("E_CONFIG", `${path} cannot be read (${code})`, {
      hint: "check the path in the configuration, and its permissions",
      cause,
    });
  }
}

const commandTimeoutMs = 10_000;

async function readSecret(secret: Secret, context: string): Promise<string> {
  const text = await textOf(secret, context);
  if (text !== "") return text;
  throw new TuError("E_CONFIG", `context ${context}: ${placeOf(secret)} gives an empty secret`);
}

async function textOf(secret: Secret, context: string): Promise<string> {
  if ("file" in secret) return (await readText(secret.file)).trim();
  if ("variable" in secret) {
    const value = environment(secret.variable);
    if (value !== undefined) return value;
    throw new TuError("E_CONFIG", `context ${context}: ${secret.variable} is not set`, {
      hint: `it must hold a secret of the context: export ${secret.variable}=…`,
    });
  }
  try {
    const ran = promisify(execFile)("/bin/sh", ["-c", secret.command], {
      timeout: commandTimeoutMs,
    });
    return (await ran).stdout.trim();
  } catch (error) {
    // Its message and output may hold the secret.
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new TuError("E_CONFIG", `context ${context}: the command for a secret failed (${code})`, {
      hint: `run it by hand: ${secret.command}`,
    });
  }
}

function placeOf(secret: Secret): string {
  if ("file" in secret) return secret.file;
  return "variable" in secret ? secret.variable : "a command";
}

/** Everything from the variables that the deployed services read. Throws E_CONFIG naming those that are missing. */
function environmentContext(): Context {
  const problems = createProblems();
  const required = (name: string): string => {
    const value = environment(name);
    if (value === undefined)
      problems.add(
        new TuError("E_CONFIG", `context env: ${name} is not set`, {
          hint: "set the variables of the services, or choose another context",
        }),
      );
    return value ?? "";
  };
  const brokers = environment("KAFKA_BROKERS") ?? environment("REDPANDA_BOOTSTRAP_SERVERS");
  const username = environment("KAFKA_SASL_USERNAME");
  const s3 = environmentS3();
  const services = environmentServices();
  const context: Context = {
    kafka: {
      brokers: (brokers ?? required("KAFKA_BROKERS")).split(",").map((broker) => broker.trim()),
      // As the deployed bridge: a user means TLS and SCRAM.
      ...(username === undefined
        ? {}
        : {
            tls: true,
            sasl: {
              ...{ mechanism: "scram-sha-256", username },
              password: { variable: "KAFKA_SASL_PASSWORD" },
            },
          }),
    },
    rabbitmq: {
      host: required("RABBIT_HOST"),
      port: Number(environment("RABBIT_PORT") ?? 5672),
      username: required("RABBIT_USER"),
      password: { variable: "RABBIT_PASS" },
    },
    ...(s3 === null ? {} : { s3 }),
    services,
    ...(environment("INTERNAL_AUTH_API_KEY") === undefined
      ? {}
      : { internalToken: { variable: "INTERNAL_AUTH_API_KEY" } }),
  };
  const { data, error } = Context.safeParse(problems.settled(context));
  for (const { path } of error?.issues ?? [])
    problems.add(new TuError("E_CONFIG", `context env: ${path.join(".")} is not valid`));
  return problems.settled(data);
}

function environmentS3(): Context["s3"] | null {
  const endpoint = environment("Minio__Endpoint");
  if (endpoint === undefined) return null;
  const scheme = environment("Minio__UseSsl")?.toLowerCase() === "true" ? "https" : "http";
  const publicUrl = environment("Minio__PublicBaseUrl");
  const isNamed = environment("Minio__AccessKey") !== undefined;
  return {
    endpoint: `${scheme}://${endpoint}`,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    region: environment("Minio__Region") ?? "us-east-1",
    bucket: environment("Minio__BucketName") ?? "trackunit-images",
    accessKey: environment("Minio__AccessKey") ?? environment("MINIO_ROOT_USER") ?? "",
    secretKey: { variable: isNamed ? "Minio__SecretKey" : "MINIO_ROOT_PASSWORD" },
  };
}

function environmentServices(): NonNullable<Context["services"]> {
  const named = {
    "tu-storage-service": environment("STORAGE_BASE_URL"),
    "tu-ingestion-service": environment("INGESTION_BASE_URL"),
    "tu-media-access-service":
      environment("MediaAccess__BaseUrl") ?? environment("MEDIAACCESS_BASEURL"),
  };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, url]) => (url === undefined ? [] : [[name, url]])),
  );
}
