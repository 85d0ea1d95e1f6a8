// Temporal bundles this file and runs it in a sandbox: the workflow of bench/temporal.ts.
import { proxyActivities } from "@temporalio/workflow";

const activities = proxyActivities({ startToCloseTimeout: "1 minute" });

export async function flow(name) {
  for (const step of ["started", "recognised", "compared", "sorted", "stored"])
    await activities[step](name);
  return name;
}
