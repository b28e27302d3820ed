/** What a box may reach. An empty list reaches nothing; leaving `allow` out is a choice the caller makes, never a default of this package. */
export interface NetworkPolicy {
  /** Addresses, ranges (`10.0.0.0/8`), host names and `*.` wildcards. */
  readonly allow?: readonly string[];
}

/** A port of the box on the host. TCP only. */
export interface PublishedPort {
  /** 1 to 65535. */
  readonly guestPort: number;
  /** Absent: one the host chooses, told back. */
  readonly hostPort?: number;
  /** Address to listen on; default `127.0.0.1`. */
  readonly hostAddress?: string;
}

/** A secret the guest sees as a placeholder; the real value is put in on its way to the named hosts. */
export interface NetworkSecret {
  readonly name: string;
  readonly value: string;
  /** Exact names or one-label wildcards. */
  readonly hosts: readonly string[];
  readonly placeholder?: string;
}

/**
 * What a user-mode network for one box may be told. The network itself is a later issue.
 *
 * What the implementation must do that the types do not say by themselves:
 * - It runs outside the jail and speaks length-prefixed Ethernet frames on a unix stream socket (`VmmNic` of the VMM contract), which the guest can
 *   fill with anything: frames, names and certificates are hostile input.
 * - The policy decides on what is dialled, not on what the guest says it resolved: names are resolved here, link-local addresses are never
 *   reached, and neither UDP, IPv6, redirects nor a second name for an address is a way around it.
 * - A secret's value never reaches the guest, a log, an error or the database in clear.
 * - What was published is given back when the box stops; a port that is taken is an error naming it.
 */
export interface NetworkOptions {
  readonly boxId: string;
  /** Where the VMM connects its network card. The short path (layout, "Socket paths"). */
  readonly socketPath: string;
  /** `aa:bb:cc:dd:ee:ff` */
  readonly macAddress: string;
  readonly policy: NetworkPolicy;
  readonly ports?: readonly PublishedPort[];
  readonly secrets?: readonly NetworkSecret[];
  /** Kilobits per second each way. */
  readonly limits?: { readonly transmitKbps?: number; readonly receiveKbps?: number };
}
