// The legs of a context, for testing them without running a pipeline. Names adapters, like compose.ts.

import { TuError } from "../pipeline/errors.ts";
import { once } from "../pipeline/once.ts";
import { brokerLeg, type Leg, logLeg, objectsLeg } from "../pipeline/operations/legs.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { HttpClient } from "../pipeline/ports/http-client.ts";
import type { Cluster } from "./cluster.ts";
import { openS3 } from "./compose-state.ts";
import { openTools } from "./compose-tools.ts";
import { openBroker, openLog } from "./compose-transports.ts";
import { inScope, type Scope } from "./scope.ts";

/** Each leg connects when it is first tried. Of a read-only context it is only asked whether it answers. */
export const openLegs = (
  cluster: Cluster | null,
  options: { readonly isReadOnly: boolean },
): Promise<{ legs: readonly Leg[]; clock: Clock; close(): Promise<void> }> =>
  inScope(async (scope) => {
    const { createFetchHttpClient } = await import("../adapters/http/client.ts");
    const tools = { ...(await openTools()), http: createFetchHttpClient() };
    const { clock, http } = tools;
    return {
      clock,
      legs: [...transportLegs(cluster, tools, options, scope), ...edgeLegs(cluster, http)],
    };
  });

type Tools = {
  readonly clock: Clock;
  readonly http: HttpClient;
  readonly ids: Parameters<typeof logLeg>[0]["ids"];
};

function transportLegs(
  cluster: Cluster | null,
  { clock, http, ids }: Tools,
  { isReadOnly }: { readonly isReadOnly: boolean },
  scope: Scope,
): readonly Leg[] {
  const onError = () => undefined; // the round trip fails as well
  const log = once(async () => scope.use(await openLog(cluster, onError)));
  const broker = once(async () => scope.use(await openBroker(cluster, onError)));
  const leg = (name: string, ask: () => Promise<unknown>, trip: Leg["roundTrip"]): Leg => ({
    name,
    roundTrip: isReadOnly ? async () => void (await ask()) : trip,
  });
  const transports = [
    leg(
      "kafka",
      async () => (await openLog(cluster, onError)).close(),
      async (signal) => logLeg({ log: await log.get(), ids }).roundTrip(signal),
    ),
    leg(
      "rabbitmq",
      async () => (await broker.get()).check({ exchanges: [], queues: [] }),
      async (signal) => brokerLeg({ broker: await broker.get(), ids }).roundTrip(signal),
    ),
  ];
  const s3 = cluster?.s3 ?? null;
  if (s3 === null) return transports;
  const bucket = once(() => openS3(s3, clock, scope));
  const objects = leg(
    "object store",
    async () => (await bucket.get()).stat("images/none"),
    async (signal) => objectsLeg({ objects: await bucket.get(), http, ids }).roundTrip(signal),
  );
  return [...transports, objects];
}

/** The gateway answers a query, and each service that others run its health check. */
function edgeLegs(cluster: Cluster | null, http: HttpClient): readonly Leg[] {
  const gateway = cluster?.gateway ?? null;
  const services = Object.entries(cluster?.services ?? {});
  return [
    ...(gateway === null ? [] : [gatewayLeg(gateway, http)]),
    ...services.map(([name, url]) => ({
      name,
      async roundTrip() {
        const headers = { "x-internal-token": cluster?.internalToken ?? "" };
        const { status } = await http.send({ method: "GET", url: `${url}/health`, headers });
        // Some have no such path; whatever they answer, they are there.
        if (status >= 500) throw new TuError("E_SERVICE_UNAVAILABLE", `status ${status}`);
      },
    })),
  ];
}

const gatewayLeg = ({ token, url }: NonNullable<Cluster["gateway"]>, http: HttpClient): Leg => ({
  name: "gateway",
  async roundTrip() {
    const { status } = await http.send({
      method: "POST",
      url: `${url}/graphql`,
      headers: {
        "content-type": "application/json",
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query: "{ __typename }" }),
    });
    if (status === 200) return;
    const code = status === 401 || status === 403 ? "E_ACCESS_REFUSED" : "E_SERVICE_UNAVAILABLE";
    throw new TuError(code, `${url}/graphql answers with status ${status}`);
  },
});
