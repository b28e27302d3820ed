/** Secrets of one registry. They leave only as header values. */
export class Credentials {
  readonly #basic: string | undefined;
  readonly #bearer: string | undefined;

  private constructor(basic: string | undefined, bearer: string | undefined) {
    this.#basic = basic;
    this.#bearer = bearer;
  }

  static from(
    auth:
      | {
          readonly username?: string | undefined;
          readonly password?: string | undefined;
          readonly bearerToken?: string | undefined;
        }
      | undefined,
  ): Credentials {
    const { username, password, bearerToken } = auth ?? {};
    const basic = username === undefined ? undefined : Buffer.from(`${username}:${password ?? ''}`).toString('base64');
    return new Credentials(basic, bearerToken);
  }

  get isAnonymous(): boolean {
    return this.#basic === undefined && this.#bearer === undefined;
  }

  /** `Authorization` for a Basic challenge or a token server. */
  basicHeader(): string | undefined {
    return this.#basic === undefined ? undefined : `Basic ${this.#basic}`;
  }

  /** `Authorization` from a token the user gave. */
  bearerHeader(): string | undefined {
    return this.#bearer === undefined ? undefined : `Bearer ${this.#bearer}`;
  }

  toJSON(): string {
    return '[credentials]';
  }
}
