import { expect, test } from "vitest";
import { contextProblems } from "./context-settings.ts";

const kafka = { brokers: ["a:9092"] };
const rabbitmq = { host: "b", username: "u", password: { variable: "P" } };
const good = { kafka, rabbitmq };
const problemsOf = (context: unknown) => contextProblems({ staging: context });

test("the smallest context, and the largest", () => {
  expect(problemsOf(good)).toEqual([]);
  const tls = { ca: "/ca.pem", cert: "/c.pem", key: "/k.pem" };
  expect(
    problemsOf({
      kafka: {
        ...kafka,
        tls,
        sasl: { mechanism: "scram-sha-512", username: "u", password: { file: "/p" } },
      },
      rabbitmq: { ...rabbitmq, port: 5671, vhost: "/x", tls: true },
      s3: {
        ...{ endpoint: "https://s3:9000", publicUrl: "https://s3.example", region: "eu" },
        ...{ bucket: "b", accessKey: "a", secretKey: { command: "pass s3" }, ca: "/ca.pem" },
      },
      gateway: { url: "https://gateway.example", token: { command: "get-token" } },
      services: { "tu-ingestion-service": "http://localhost:9090" },
      internalToken: { file: "/t" },
      ...{ flow: "current", vision: "google", protected: true, readOnly: false },
    }),
  ).toEqual([]);
});

test.each([
  [{ rabbitmq }, "contexts.staging.kafka is missing"],
  [{ ...good, kafka: { brokers: [] } }, "contexts.staging.kafka.brokers must not be empty"],
  [{ ...good, kafka: { brokers: ["a"] } }, "contexts.staging.kafka.brokers.0 must be host:port"],
  [{ ...good, kafka: { brokers: "a:1" } }, "contexts.staging.kafka.brokers must be a list"],
  [{ ...good, kafak: {} }, "contexts.staging has no kafak"],
  [{ ...good, readOnly: "yes" }, "contexts.staging.readOnly must be true or false"],
  [{ ...good, flow: "both" }, "contexts.staging.flow must be one of current, full"],
  [
    { ...good, gateway: "example" },
    'contexts.staging.gateway must be a URL, or an object with "url" and "token"',
  ],
  [
    { ...good, services: { "tu-ingest": "http://a" } },
    "contexts.staging.services has no tu-ingest",
  ],
])("%j: %s", (context, problem) => {
  expect(problemsOf(context)).toEqual([problem]);
});

test("a secret in the configuration is a problem that does not repeat it", () => {
  const [problem, ...others] = problemsOf({
    ...good,
    rabbitmq: { ...rabbitmq, password: "s3cr3t" },
  });
  expect(problem).toBe(
    'contexts.staging.rabbitmq.password must say where the secret is: {"file": …}, {"variable": …} or {"command": …}, never the secret itself',
  );
  expect(others).toEqual([]);
});

test("names are simple, and those that are built in cannot be configured", () => {
  expect(contextProblems({ "Sta ging": good })).toEqual([
    "contexts.Sta ging must be a name of lower-case letters, digits and hyphens",
  ]);
  expect(contextProblems({ local: good })).toEqual([
    "contexts.local is built in, and cannot be configured",
  ]);
  expect(contextProblems([])).toEqual(["contexts must be an object"]);
});
