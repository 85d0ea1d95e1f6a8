import { describe } from "vitest";
import { definitionsContract } from "../testing/definitions-contract.ts";
import { createMemoryDefinitions } from "./definitions.ts";

describe("memory definitions", () =>
  definitionsContract(async () => ({
    definitions: createMemoryDefinitions(),
    close: async () => undefined,
  })));
