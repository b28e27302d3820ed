import { BoxliteError } from '@boxlite/core';

/** A source that was asked in vain. */
export interface RefusedSource {
  readonly id: string;
  readonly error: BoxliteError;
}

/** The error of a machine without any kernel: what each source has looked at, and what each would need. */
export function noKernel(refused: readonly RefusedSource[]): BoxliteError {
  const [only, ...others] = refused;
  if (only !== undefined && others.length === 0) return only.error;
  if (only === undefined) {
    return new BoxliteError('plugin_none_available', 'no kernel-source is available here: none is registered', {
      hint: 'register a kernel-source plugin, or use those of defaultRegistry()',
      details: { kind: 'kernel-source', candidates: [] },
    });
  }
  const sources = refused.map(({ id, error }) => ({ id, ...(unavailable(error) ?? said(error)) }));
  const lines = sources.flatMap(({ id, places }) => [`  ${id}:`, ...places.map((place) => `    ${place}`)]);
  const remedies = sources.flatMap(({ remedy }) => (remedy === undefined ? [] : [remedy]));
  return new BoxliteError('kernel_unavailable', `no guest kernel was found:\n${lines.join('\n')}`, {
    hint: [...new Set(remedies)].join('; or '),
    details: { places: sources.flatMap(({ id, places }) => places.map((place) => `${id}: ${place}`)) },
  });
}

interface Said {
  readonly places: readonly string[];
  readonly remedy: string | undefined;
}

function said({ message, hint, details }: BoxliteError): Said {
  const { places } = details;
  return { places: Array.isArray(places) ? places.map(String) : linesOf(message), remedy: hint };
}

/** What the probe of a source said. */
function unavailable({ details }: BoxliteError): Said | undefined {
  const candidate: unknown = Array.isArray(details.candidates) ? details.candidates[0] : undefined;
  if (typeof candidate !== 'object' || candidate === null) return undefined;
  const { reason, remedy } = candidate as { readonly reason?: unknown; readonly remedy?: unknown };
  if (typeof reason !== 'string') return undefined;
  return { places: linesOf(reason), remedy: typeof remedy === 'string' ? remedy : undefined };
}

/** The list below a headline, else the line itself. */
function linesOf(text: string): readonly string[] {
  const [first = '', ...rest] = text.split('\n').map((line) => line.trim());
  return rest.length === 0 ? [first] : rest;
}
