import { flowStoreContract } from "../testing/flow-store-contract.ts";
import { createMemoryFlowStore } from "./flow-store.ts";

flowStoreContract(async () => ({
  store: createMemoryFlowStore(),
  close: async () => undefined,
}));
