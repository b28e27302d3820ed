import type { ImageRecord, ImageStore } from '@boxlite/core';
import type { Connection, Row } from './connection.js';
import { decodeDocument, encodeDocument } from './document.js';
import { imageKind } from './record-kinds.js';

const SELECT_IMAGE = 'SELECT reference AS id, json FROM image_index';

/** The index of images by reference. */
export function createImageStore(connection: Connection): ImageStore {
  const decode = (row: Row): ImageRecord => decodeDocument(imageKind, row, connection.file);
  return {
    put: (record) =>
      connection.write(`cannot record image ${record.reference}`, (transaction) => {
        transaction.run(
          `INSERT OR REPLACE INTO image_index (reference, manifest_digest, config_digest, cached_at, complete, json)
           VALUES (?, ?, ?, ?, ?, ?)`,
          record.reference,
          record.manifestDigest,
          record.configDigest,
          Math.trunc(record.cachedAt),
          record.complete ? 1 : 0,
          encodeDocument(imageKind, record),
        );
      }),
    get: (reference) =>
      connection.read(`cannot read image ${reference}`, (from) => {
        const row = from.get(`${SELECT_IMAGE} WHERE reference = ?`, reference);
        return row === undefined ? undefined : decode(row);
      }),
    list: () =>
      connection.read('cannot list the images', (from) =>
        from.all(`${SELECT_IMAGE} ORDER BY cached_at, reference`).map(decode),
      ),
    delete: (reference) =>
      connection.write(
        `cannot delete image ${reference}`,
        (transaction) => transaction.run('DELETE FROM image_index WHERE reference = ?', reference).changes > 0,
      ),
    touch: (reference, usedAt) =>
      connection.write(
        `cannot record a use of image ${reference}`,
        (transaction) => {
          const row = transaction.get(`${SELECT_IMAGE} WHERE reference = ?`, reference);
          if (row === undefined) return false;
          const document = encodeDocument(imageKind, { ...decode(row), lastUsedAt: usedAt });
          transaction.run('UPDATE image_index SET json = ? WHERE reference = ?', document, reference);
          return true;
        },
        // A start does not wait for the disk to say which image it was.
        { durable: false },
      ),
  };
}
