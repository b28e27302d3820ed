import { diskInvalid, quoted } from './disk-errors.js';
import { HeaderExtension } from './format.js';

/** What the header extensions say that matters here. */
export interface HeaderExtensions {
  readonly backingFormat: 'raw' | 'qcow2' | undefined;
}

/**
 * Walks the extensions: type and length (32 bits each), data, padding to 8 bytes, until the end marker or the end of the area.
 * Unknown ones are skipped, as the specification wants; ones that change what the disk's bytes mean are refused.
 * @param area from the header's end to the backing name or the end of the first cluster
 * @throws BoxliteError `disk_invalid` (field `header_extension` or `backing_format`)
 */
export function parseExtensions(area: Buffer, path: string): HeaderExtensions {
  let backingFormat: HeaderExtensions['backingFormat'];
  for (let at = 0; at < area.length; ) {
    if (at + 8 > area.length) throw diskInvalid(path, 'header_extension', 'the last one leaves the header area');
    const type = area.readUInt32BE(at);
    const length = area.readUInt32BE(at + 4);
    if (length > area.length - at - 8) {
      throw diskInvalid(path, 'header_extension', `0x${type.toString(16)} of ${length} bytes leaves the header area`);
    }
    if (type === HeaderExtension.end) break;
    const data = area.subarray(at + 8, at + 8 + length);
    switch (type) {
      case HeaderExtension.backingFormat:
        if (backingFormat !== undefined) throw diskInvalid(path, 'backing_format', 'it is given twice');
        backingFormat = parseBackingFormat(data, path);
        break;
      case HeaderExtension.externalDataName:
        throw diskInvalid(path, 'header_extension', 'external data files are not supported');
      case HeaderExtension.encryption:
        throw diskInvalid(path, 'header_extension', 'encrypted disks are not supported');
      case HeaderExtension.bitmaps:
        throw diskInvalid(path, 'header_extension', 'persistent bitmaps are not supported');
      default:
    }
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return { backingFormat };
}

function parseBackingFormat(data: Buffer, path: string): 'raw' | 'qcow2' {
  const format = data.toString('latin1');
  if (format === 'raw' || format === 'qcow2') return format;
  throw diskInvalid(path, 'backing_format', `${quoted(format)} is not supported, only raw and qcow2 are`);
}
