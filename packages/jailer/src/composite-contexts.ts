import type { PathAccess, SandboxContext } from '@boxlite/core';

/** What a sandbox is told that runs inside the view of another: what that one has done already is left out. */
export function innerContext(context: SandboxContext): SandboxContext {
  const {
    maskedPaths: _masked,
    symlinks: _links,
    runAs: _ids,
    userNamespace: _namespace,
    viewTree: _tree,
    temporaryDirectory: _temporary,
    ...rest
  } = context;
  return { ...rest, insideView: true };
}

/** What a sandbox is told that is around others: their programs are to be seen, too. */
export function outerContext(context: SandboxContext, programs: readonly string[]): SandboxContext {
  const granted = new Set(context.paths.map(({ path }) => path));
  const more = [...new Set(programs)].filter((path) => !granted.has(path));
  if (more.length === 0) return context;
  const paths: PathAccess[] = [...context.paths, ...more.map((path) => ({ path, writable: false }))];
  return { ...context, paths: paths.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)) };
}
