import type { Door } from "../ports/door.ts";

// Decides which HTTP requests are admitted: those from programs on this machine, and from pages of configured
// origins. A third-party page in a local browser can reach loopback too: it then sends its own Origin, or, if its
// own name resolves to this machine (DNS rebinding), a Host that is not ours.

/** What the configuration allows besides loopback names. */
export type Allowed = {
  /** Host names without a port. */
  readonly hosts: readonly string[];
  /** Origins as browsers send them, `https://app.example:8443`. Their pages may also read responses (CORS). */
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
    // None for an origin that is not configured.
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
  // With any of these it would be a longer URL than a host and a port.
  const name = /[/?#@\\]/.test(host) ? null : hostNameIn(`http://${host}`);
  return name !== null && (isLoopback(name) || hosts.includes(name));
}

/** `null` is the origin of a sandboxed frame or a file, and so of anyone. */
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
