/** What a registry may be told about who asks; at most one kind is used, in this order. */
export interface CredentialInput {
  /** Sent as it is, instead of a token asked for. */
  readonly bearerToken?: string | undefined;
  /** A refresh token, exchanged for tokens at the token server (OAuth 2). */
  readonly identityToken?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** Secrets of one registry, out of reach of anything that prints objects. They leave only where they are sent. */
export class Credentials {
  readonly #basic: string | undefined;
  readonly #bearer: string | undefined;
  readonly #identity: string | undefined;

  private constructor(basic: string | undefined, bearer: string | undefined, identity: string | undefined) {
    this.#basic = basic;
    this.#bearer = bearer;
    this.#identity = identity;
  }

  static readonly anonymous = Credentials.from({});

  static from({ username, password, bearerToken, identityToken }: CredentialInput): Credentials {
    const basic = username === undefined ? undefined : Buffer.from(`${username}:${password ?? ''}`).toString('base64');
    return new Credentials(basic, bearerToken, identityToken);
  }

  get isAnonymous(): boolean {
    return this.#basic === undefined && this.#bearer === undefined && this.#identity === undefined;
  }

  /** `Authorization` for a Basic challenge or a token server. */
  basicHeader(): string | undefined {
    return this.#basic === undefined ? undefined : `Basic ${this.#basic}`;
  }

  /** `Authorization` from a token the user gave. */
  bearerHeader(): string | undefined {
    return this.#bearer === undefined ? undefined : `Bearer ${this.#bearer}`;
  }

  /** The refresh token, for the body of a request to a token server. */
  refreshToken(): string | undefined {
    return this.#identity;
  }

  toJSON(): string {
    return '[credentials]';
  }
}
