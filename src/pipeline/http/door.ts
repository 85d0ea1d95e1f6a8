import type { Door } from "../ports/door.ts";

// Who may come in by HTTP: programs on this machine, and pages of origins that were named. A page of somebody
// else's that a browser runs here reaches loopback too: it says its own Origin, or, when a name of its own points
// here (DNS rebinding), a Host that is not ours.

/** What the configuration adds to the loopback names. */
export type Allowed = {
  /** Host names, without a port. */
  readonly hosts: readonly string[];
  /** Origins as a browser sends them, `https://app.example:8443`. Pages of theirs may also read the answers (CORS). */
  readonly origins: readonly string[];
};
export const loopbackOnly: Allowed = { hosts: [], origins: [] };

export function createDoor(allowed: Allowed): Door {
  return {
    refusalOf({ host, origin, site }) {
      if (!isAllowedHost(host, allowed)) return "this host name is not allowed";
      if (origin !== undefined)
        return isAllowedOrigin(origin, allowed) ? null : "pages of this origin are not allowed";
      return site === "cross-site" ? "pages of other sites are not allowed" : null;
    },
    // None for an origin that was not named.
    corsHeaders(origin) {
      if (origin === undefined || !allowed.origins.includes(origin)) return {};
      return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, POST, PUT",
        "access-control-allow-headers": "content-type, x-correlation-id",
        "access-control-expose-headers": "etag, x-correlation-id",
        vary: "origin",
      };
    },
  };
}

function isAllowedHost(host = "", { hosts }: Allowed): boolean {
  // With any of these it would be more of a URL than a host and a port.
  const name = /[/?#@\\]/.test(host) ? null : hostNameIn(`http://${host}`);
  return name !== null && (isLoopback(name) || hosts.includes(name));
}

/** `null` is the origin of a sandboxed frame or a file: of anybody. */
function isAllowedOrigin(origin: string, { origins }: Allowed): boolean {
  const name = hostNameIn(origin);
  return origins.includes(origin) || (name !== null && isLoopback(name));
}

function hostNameIn(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname : null;
}

/** RFC 6761 and RFC 1122: names and addresses that never leave this machine. */
function isLoopback(name: string): boolean {
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "[::1]" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)
  );
}
