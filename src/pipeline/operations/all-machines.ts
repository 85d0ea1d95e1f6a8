import type { Machine, Machines } from "../ports/machines.ts";

const pageSize = 500;

/** Most recently seen first, read page by page. Who saves meanwhile may move a machine to the front. */
export async function* allMachines(
  machines: Pick<Machines, "list">,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Machine> {
  let left = limit;
  for (let after: Machine | undefined; left > 0; ) {
    const most = Math.min(pageSize, left);
    const page = await machines.list({ limit: most, ...(after === undefined ? {} : { after }) });
    yield* page;
    left -= page.length;
    after = page.at(-1);
    if (page.length < most) return;
  }
}
