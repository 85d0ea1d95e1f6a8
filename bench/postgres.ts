// Debian's PostgreSQL, a cluster of its own in a directory, on a unix socket only.
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Server, startServer } from "./servers.ts";

export type Postgres = Server & { readonly url: (database: string) => string };

const installed = "/usr/lib/postgresql";
/** The durability of a commit is the default, but stated explicitly. All other settings are Debian's. */
const durable = ["fsync=on", "synchronous_commit=on", "full_page_writes=on"];

/** Null if Debian's `postgresql` is not installed. */
export async function startPostgres(directory: string): Promise<Postgres | null> {
  const binaries = newestBinaries();
  if (binaries === null) return null;
  const user = serverUser();
  if (user !== null) chownSync(directory, user.uid, user.gid);
  const data = join(directory, "data");
  const cluster = ["-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale"];
  execFileSync(join(binaries, "initdb"), ["-D", data, ...cluster], {
    ...user,
    cwd: directory,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const settings = [...durable, "listen_addresses=", "max_connections=100"];
  const server = await startServer({
    command: join(binaries, "postgres"),
    args: ["-D", data, "-k", directory, ...settings.flatMap((setting) => ["-c", setting])],
    options: { ...user, cwd: directory },
    stopSignal: "SIGTERM", // waits for pools that are still closing; those of a dead bench are closed
    isUp: (output) => output.includes("database system is ready to accept connections"),
  });
  if (server === null) return null;
  const socket = encodeURIComponent(directory);
  return {
    ...server,
    url: (database) => `postgresql://bench@localhost/${database}?host=${socket}`,
  };
}

function newestBinaries(): string | null {
  if (!existsSync(installed)) return null;
  const versions = readdirSync(installed).toSorted((a, b) => Number(b) - Number(a));
  const binaries = versions.map((version) => join(installed, version, "bin"));
  return binaries.find((path) => existsSync(join(path, "postgres"))) ?? null;
}

/** PostgreSQL refuses to run as root; Debian's package creates a user for it. */
function serverUser(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string) =>
    Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
}
