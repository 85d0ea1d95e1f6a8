import { setTimeout as pause } from "node:timers/promises";
import type { ChannelModel } from "amqplib";
import type { Start } from "./deployed.ts";
import { members, recognitionOf } from "./json.ts";
import { closeServer, serveJson } from "./json-http.ts";
import { connectRabbit, consume, publish } from "./rabbit.ts";

/**
 * svc-analysis-orchestrator: two forwarders that remember nothing. One that does not find RabbitMQ when it starts is
 * finished, and its health stays green.
 */
export const startOrchestrator: Start = async ({ hasFault, log, port }) => {
  const server = await serveJson(port, {
    "GET /health/live": () => ({ status: 200, body: "Healthy" }),
    "GET /health/ready": () => ({ status: 200, body: "Healthy" }),
  });
  const model = await connectRabbit();
  if (hasFault("workers-dead")) {
    log("None of the specified endpoints were reachable");
    await pause(100); // 3 s in the deployed one
  } else await startWorkers(model, log);
  return { close: () => Promise.all([closeServer(server), model.close()]) };
};

async function startWorkers(model: ChannelModel, log: (text: string) => void): Promise<void> {
  const worker = (exchange: string, queue: string, forward: (body: unknown) => Promise<void>) =>
    consume(model, { exchange, queue, autoAck: false }, async (text) => {
      const body = parsed(text);
      if (body === null) {
        log(`bad JSON on ${queue}`);
        return false;
      }
      await forward(body);
      return true;
    });
  await worker("tu.image.uploaded", "orchestrator.image-uploaded", (body) =>
    publish(model, "analysis.started", { objectKey: members(body)["objectkey"] ?? null }),
  );
  await worker("tu.recognition.completed", "orchestrator.recognition-completed", (body) => {
    const recognitionPayload = recognitionOf(body);
    return publish(model, "analysis.completed", { success: true, recognitionPayload });
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
