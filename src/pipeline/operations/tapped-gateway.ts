import { AnalysisCompleted, endsOfAnalysis } from "../contracts/analysis.ts";
import type { Message } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClientListener, DeployedGateway, GatewayClient } from "../ports/gateway-client.ts";
import type { Reporter } from "../ports/reporter.ts";
import { requestHop } from "../trace/hops.ts";
import { reportTapped, type Tapped } from "./tap.ts";

// A client of a gateway that others run. What happens behind it is seen on the transports (`tap.ts`): the deployed
// gateway mints a correlation id that it sends nowhere, and tells every client of every analysis, without its picture.
//
//   G1. A flow is ours if its picture is: the object key of the upload, or a flow that a message with this key names.
//   G2. The end is told when the gateway has told it, to us like to every client. One that was seen on its way to the
//       gateway, and that it does not tell, is told a little later, with a notice: of several replicas only one gets it.

export type TappedGateway = {
  readonly gateway: GatewayClient;
  readonly onMessage: (tapped: Tapped) => void;
};

type Upload = { readonly flowId: string; readonly subject: string };

export function createTappedGateway(ports: {
  readonly gateway: DeployedGateway;
  readonly clock: Pick<Clock, "nowMs" | "sleep">;
  readonly reporter: Reporter;
}): TappedGateway {
  const { clock, gateway, reporter } = ports;
  const told = createTold(clock);
  const tellEnd = async ({ flowId }: Upload, { id, name, payload }: Message): Promise<void> => {
    const isTold = name !== "analysis.completed" || (await told.of(payload));
    if (!isTold)
      reporter.notice({
        code: "client-not-told",
        message: `the gateway got ${name}, and did not tell it to this client within ${tellMs / 1000} s: of several replicas only one gets it`,
        flowId,
      });
    listeners.get(flowId)?.onEvent({ id, name, payload, ...(isTold ? {} : { isUntold: true }) });
  };
  const uploads = new Map<string, Upload>();
  /** Flows under the names that the cluster gives them. */
  const aliases = new Map<string, Upload>();
  const listeners = new Map<string, ClientListener>();
  const ask = (flowId: string, name: string, note: string | null = null) => {
    const asked = { flowId, name, from: "client", to: "graph-gateway", atMs: clock.nowMs() };
    reporter.hop({ ...requestHop({ ...asked, transport: "graphql" }), note });
  };
  const uploadOf = ({ flowId, subject }: Message): Upload | undefined => {
    const upload = uploads.get(subject) ?? aliases.get(flowId);
    if (upload !== undefined) aliases.set(flowId, upload);
    return upload;
  };
  return {
    gateway: {
      async startUpload(input) {
        const started = await gateway.startUpload(input);
        const { correlationId: flowId, key: subject } = started;
        const upload = { flowId, subject };
        uploads.set(subject, upload);
        aliases.set(flowId, upload);
        ask(flowId, "startUpload", input.filename);
        return started;
      },
      async confirmUpload(input) {
        ask(input.correlationId, "confirmUpload");
        await gateway.confirmUpload(input);
      },
      async subscribe(flowId, listener) {
        listeners.set(flowId, listener);
        const subscription = await gateway.onCompleted(told.heard, listener.onLost);
        return {
          async close() {
            listeners.delete(flowId);
            await subscription.close();
          },
        };
      },
    },
    onMessage({ atMs, delivery, inputs, message }) {
      const upload = uploadOf(message);
      if (upload === undefined) return;
      const ours = { ...message, ...upload };
      reportTapped({ atMs, delivery, inputs, message: ours }, ports);
      const { id, name, payload } = ours;
      if (!inputs.some(({ consumer }) => consumer.service === "graph-gateway")) return;
      if (endsOfAnalysis.includes(name)) void tellEnd(upload, ours);
      else listeners.get(upload.flowId)?.onEvent({ id, name, payload });
    },
  };
}

/** For what its replica has to tell. */
const tellMs = 3_000;

/** What the gateway told, by content: it names nothing else. */
function createTold(clock: Pick<Clock, "sleep">) {
  const heard = new Set<string>();
  const waiting = new Map<string, () => void>();
  return {
    heard(payload: unknown) {
      const key = contentOf(payload);
      heard.add(key);
      waiting.get(key)?.();
    },
    /** Whether it was told, now or soon. */
    async of(payload: unknown): Promise<boolean> {
      const key = contentOf(payload);
      if (heard.has(key)) return true;
      const done = new AbortController();
      const isTold = new Promise<boolean>((resolve) => waiting.set(key, () => resolve(true)));
      const isLate = clock.sleep(tellMs, done.signal).then(
        () => false,
        () => false, // it was told
      );
      const told = await Promise.race([isTold, isLate]);
      done.abort();
      waiting.delete(key);
      return told;
    },
  };
}

/** What the gateway's schema has of it. */
function contentOf(payload: unknown): string {
  const { data } = AnalysisCompleted.safeParse(payload);
  const aggregate = data?.recognitionPayload?.aggregate;
  return JSON.stringify([aggregate?.name ?? null, aggregate?.confidence ?? null]);
}
