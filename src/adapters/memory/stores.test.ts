import { describe } from "vitest";
import { fingerprintsContract } from "../testing/fingerprints-contract.ts";
import { machinesContract } from "../testing/machines-contract.ts";
import { uploadsContract } from "../testing/uploads-contract.ts";
import { createMemoryFingerprints } from "./fingerprints.ts";
import { createMemoryMachines } from "./machines.ts";
import { createMemoryUploads } from "./uploads.ts";

const close = async () => {};

describe("memory uploads", () =>
  uploadsContract(async () => ({ uploads: createMemoryUploads(), close })));
describe("memory machines", () =>
  machinesContract(async () => ({ machines: createMemoryMachines(), close })));
describe("memory fingerprints", () =>
  fingerprintsContract(async () => ({ fingerprints: createMemoryFingerprints(), close })));
