import { writeFile } from "node:fs/promises";
import Libsql from "libsql";
import { expect, test } from "vitest";
import { flowStoreContract, sampleSeenFlow } from "../testing/flow-store-contract.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { openSqliteFlowStore } from "./flow-store.ts";

flowStoreContract(async () => {
  const { directory, remove } = await createTemporaryDirectory();
  const store = await openSqliteFlowStore(`${directory}/seen.db`, 100);
  const close = async () => {
    await store.close();
    await remove();
  };
  return { store, close };
});

const withFile = (name: string, run: (file: string) => Promise<void>) =>
  test(name, async () => {
    const { directory, remove } = await createTemporaryDirectory();
    try {
      await run(`${directory}/seen.db`);
    } finally {
      await remove();
    }
  });

withFile("two processes add to one flow, and what they wrote is there again", async (file) => {
  const [one, two] = [await openSqliteFlowStore(file, 100), await openSqliteFlowStore(file, 100)];
  await one.add([{ about: sampleSeenFlow({ picture: "a.jpg" }), seen: [] }]);
  await two.add([{ about: sampleSeenFlow({ objectKey: "k" }), seen: [] }]);
  await one.close();
  await two.close();
  const again = await openSqliteFlowStore(file, 100);
  expect(await again.find("f1", 2)).toMatchObject([{ picture: "a.jpg", objectKey: "k" }]);
  await again.close();
});

withFile("what is no such database, or a later one, is refused and left alone", async (file) => {
  await writeFile(file, "no database at all");
  await expect(openSqliteFlowStore(file, 100)).rejects.toMatchObject({ code: "E_STATE_UNUSABLE" });
  await writeFile(file, "");
  const other = new Libsql(file);
  other.exec("CREATE TABLE other (a)");
  other.close();
  await expect(openSqliteFlowStore(file, 100)).rejects.toMatchObject({ code: "E_STATE_UNUSABLE" });
});

withFile("a file of a later version is refused", async (file) => {
  await (await openSqliteFlowStore(file, 100)).close();
  const later = new Libsql(file);
  later.exec("PRAGMA user_version = 99");
  later.close();
  await expect(openSqliteFlowStore(file, 100)).rejects.toMatchObject({ code: "E_STATE_NEWER" });
});
