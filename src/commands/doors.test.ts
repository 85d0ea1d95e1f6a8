import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { createTemporaryDirectory } from "../adapters/testing/temporary-directory.ts";
import { openReplayingServices } from "./replaying-pipeline.samples.ts";

// Every listener that the pipeline opens, from outside: a foreign page, a foreign name, another interface.

type Answer = { readonly status: number; readonly text: string; readonly cors: unknown };

const ask = (url: string, path: string, headers: Record<string, string>, method = "GET") =>
  new Promise<Answer>((resolve, reject) => {
    const { hostname, port } = new URL(url);
    request({ hostname, port, method, path, headers, agent: false }, (answer) => {
      let text = "";
      answer.on("data", (part: Buffer) => {
        text += part.toString();
      });
      const cors = answer.headers["access-control-allow-origin"];
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text, cors }));
    })
      .on("error", reject)
      .end();
  });

async function connects(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false; // refused
  } finally {
    socket.destroy();
  }
}

async function withPipeline(run: (addresses: ReadonlyMap<string, string>) => Promise<void>) {
  const { directory, remove } = await createTemporaryDirectory();
  const state = { stateDir: join(directory, "state"), answers: join(directory, "none") };
  const services = await openReplayingServices(state);
  services.ready();
  try {
    await run(services.addresses);
  } finally {
    await services.close();
    await remove();
  }
}

test("no listener lets a foreign page, a foreign name or another interface in", () =>
  withPipeline(async (addresses) => {
    expect(addresses.size).toBeGreaterThan(5);
    const foreign = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { host: "evil.example" },
      { "sec-fetch-site": "cross-site" },
    ];
    for (const [service, url] of addresses)
      for (const headers of foreign)
        for (const [method, path] of [
          ["GET", "/health/live"],
          ["POST", "/graphql"],
          ["OPTIONS", "/v1/uploads/start"],
          ["PUT", "/any/object.png"],
        ] as const) {
          const { cors, status } = await ask(url, path, headers, method);
          expect([service, headers, path, status, cors]).toEqual([
            ...[service, headers, path, 403, undefined],
          ]);
        }
    for (const [service, url] of addresses) {
      const port = Number(new URL(url).port);
      // On Linux all of 127.0.0.0/8 is local, and a server bound to every interface would respond.
      const reached = [await connects("127.0.0.1", port), await connects("127.0.0.2", port)];
      expect([service, ...reached]).toEqual([service, true, false]);
    }
  }));

test("no foreign page subscribes", () =>
  withPipeline(async (addresses) => {
    const url = `${addresses.get("graph-gateway")?.replace("http", "ws")}/graphql`;
    const open = async (headers: Record<string, string>) => {
      const socket = new WebSocket(url, "graphql-transport-ws", { headers });
      const outcome = await Promise.race([
        once(socket, "open").then(() => "open"),
        once(socket, "unexpected-response").then(
          ([, answer]) => (answer as { statusCode: number }).statusCode,
        ),
      ]);
      socket.on("error", () => undefined); // it is closed before it is open
      socket.terminate();
      return outcome;
    };
    expect(await open({ origin: "https://evil.example" })).toBe(403);
    expect(await open({ host: "evil.example" })).toBe(403);
    expect(await open({ origin: "http://localhost:3000" })).toBe("open");
    expect(await open({})).toBe("open");
  }));

test("every service lives and is ready", () =>
  withPipeline(async (addresses) => {
    expect([...addresses.keys()].toSorted()).toEqual([
      ...["comparison-service", "graph-gateway", "metadata-service", "object-store", "observer"],
      ...["svc-ai-vision-adapter", "svc-analysis-orchestrator", "svc-machine-storage"],
      ...["svc-messaging-bridge", "tu-ingestion-service", "tu-media-access-service"],
      "tu-storage-service",
    ]);
    for (const [service, url] of addresses)
      for (const probe of ["/health/live", "/health/ready"]) {
        const { status, text } = await ask(url, probe, {});
        expect([service, probe, status, text]).toEqual([service, probe, 200, "Healthy"]);
      }
  }));
