import { DirectoryImageSource } from './directory-image-source.js';

/** @returns {import('@boxlite/core').Plugin<'image-source', import('@boxlite/core').ImageSource>} */
export const directoryPlugin = () => ({
  kind: 'image-source',
  id: 'directory',
  specificationVersion: 'v1',
  probe: async () => ({ available: true, detail: 'images of the kind directory:/path' }),
  create: () => new DirectoryImageSource(),
});

export default directoryPlugin();
