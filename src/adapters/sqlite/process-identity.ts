import { readFileSync, readlinkSync } from "node:fs";

// Process ids are reused: after a restart in a container it is 1 each time, and two containers that share a
// directory have one each. A process is identified by its id together with the boot, the id's namespace and the time
// it started; nothing can be said about one of another boot or namespace.

/** Null where the system does not provide it: then only leases count. */
export function thisProcess(): string | null {
  try {
    return [...system(), process.pid, startOf(process.pid)].join(" ");
  } catch {
    return null; // not Linux
  }
}

/** True only if certain: the process id may have been reused, or be free. */
export function isProcessGone(identity: string | null): boolean {
  if (identity === null) return false;
  const [boot, namespace, pid, start] = identity.split(" ");
  try {
    const [ownBoot, ownNamespace] = system();
    if (boot !== ownBoot || namespace !== ownNamespace) return false;
  } catch {
    return false; // written on a system that provides it, read on one that does not
  }
  try {
    return startOf(Number(pid)) !== start;
  } catch {
    return true; // no process has its id
  }
}

/** Whether it runs, and on this system: one of another boot or namespace may, but nothing here can reach it. */
export function isProcessHere(identity: string): boolean {
  const [boot, namespace] = identity.split(" ");
  try {
    const [ownBoot, ownNamespace] = system();
    return boot === ownBoot && namespace === ownNamespace && !isProcessGone(identity);
  } catch {
    return false; // written on a system that provides it, read on one that does not
  }
}

function system(): readonly [boot: string, namespace: string] {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return [boot, readlinkSync("/proc/self/ns/pid")];
}

/** In ticks since boot (proc(5), field 22); the name before it may contain spaces and parentheses. */
function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  if (start === undefined) throw new Error(`/proc/${pid}/stat is not as expected`);
  return start;
}
