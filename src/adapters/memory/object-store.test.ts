import { describe } from "vitest";
import type { Clock } from "../../pipeline/ports/clock.ts";
import { createUrlSigner } from "../signing/url-signer.ts";
import { objectStoreContract } from "../testing/object-store-contract.ts";
import { signedRequestsContract } from "../testing/signed-requests-contract.ts";
import { createMemoryObjectStore } from "./object-store.ts";

describe("memory object store", () => {
  const open = async (clock: Clock) => {
    const baseUrl = () => "http://127.0.0.1:9000";
    const signer = createUrlSigner({ baseUrl, secret: Uint8Array.of(1, 2, 3), clock });
    return { store: createMemoryObjectStore({ signer }), close: async () => {} };
  };
  objectStoreContract(open);
  signedRequestsContract(open);
});
