import { inject } from "vitest";

/** The variables of the real servers that are there, as context `env` reads them. */
export const servers = inject("servers");

const needed = ["KAFKA_BROKERS", "RABBIT_HOST", "Minio__Endpoint"];

/** Whether a whole pipeline can run on them. */
export const areThere = needed.every((name) => servers[name] !== undefined);
