import { readFileSync, readlinkSync } from "node:fs";

// Process numbers come again: after a restart in a container it is 1 each time, and two containers on one
// directory have one each. A process is told by its number together with the boot, the namespace that the
// number is of and the moment it started; only within one boot and namespace anything can be said of it.

/** Null where the system does not say: then leases alone count. */
export function thisProcess(): string | null {
  try {
    return [...system(), process.pid, startOf(process.pid)].join(" ");
  } catch {
    return null; // no Linux
  }
}

/** True only if certain: the process number may have been reused, or be free. */
export function isProcessGone(identity: string | null): boolean {
  if (identity === null) return false;
  const [boot, namespace, pid, start] = identity.split(" ");
  try {
    const [ownBoot, ownNamespace] = system();
    if (boot !== ownBoot || namespace !== ownNamespace) return false;
  } catch {
    return false; // written on a system that says, read on one that does not
  }
  try {
    return startOf(Number(pid)) !== start;
  } catch {
    return true; // nobody has its number
  }
}

function system(): readonly [boot: string, namespace: string] {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return [boot, readlinkSync("/proc/self/ns/pid")];
}

/** In ticks since the boot (proc(5), field 22); the name before it may hold spaces and brackets. */
function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  if (start === undefined) throw new Error(`/proc/${pid}/stat is not as expected`);
  return start;
}
