/** How one registry is reached. Bearer wins over user and password, which come together. */
export interface RegistryOptions {
  /** `host[:port]`, no scheme. */
  readonly host: string;
  /** Default `https`; loopback hosts may be `http` without saying so. */
  readonly transport?: 'https' | 'http';
  /** True does not check certificates. */
  readonly skipVerify?: boolean;
  readonly auth?: { readonly username?: string; readonly password?: string; readonly bearerToken?: string };
}
