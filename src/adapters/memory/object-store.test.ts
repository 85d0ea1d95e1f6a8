import { describe } from "vitest";
import { createUrlSigner } from "../signing/url-signer.ts";
import { objectStoreContract } from "../testing/object-store-contract.ts";
import { createMemoryObjectStore } from "./object-store.ts";

describe("memory object store", () =>
  objectStoreContract(async (clock) => {
    const baseUrl = () => "http://127.0.0.1:9000";
    const signer = createUrlSigner({ baseUrl, secret: Uint8Array.of(1, 2, 3), clock });
    return { store: createMemoryObjectStore({ signer }), close: async () => {} };
  }));
