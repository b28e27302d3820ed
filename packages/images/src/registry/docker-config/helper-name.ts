/** Becomes a part of the name of a program, so neither a path nor an option. */
const HELPER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** True for what may follow `docker-credential-` in the name of a credential helper. */
export function isHelperName(text: string): boolean {
  return HELPER_NAME.test(text);
}
