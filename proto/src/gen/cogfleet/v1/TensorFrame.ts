// Original file: proto/cogfleet/v1/exchange.proto

import type { Long } from '@grpc/proto-loader';

/**
 * A run of the tensor's bytes: either `data`, or `shared_bytes` of the file `shared_path`. After the last frame that
 * names shared memory, the puller cancels the call once it has read everything: then the file is used again.
 */
export interface TensorFrame {
  /**
   * At most 8 MiB.
   */
  'data'?: (Buffer | Uint8Array | string);
  /**
   * CRC-32 (as in zlib) of the bytes.
   */
  'crc32'?: (number);
  /**
   * Position in the tensor, and in the shared file.
   */
  'offset'?: (number | string | Long);
  /**
   * Size of the whole tensor.
   */
  'totalBytes'?: (number | string | Long);
  'sharedPath'?: (string);
  'sharedBytes'?: (number | string | Long);
}

/**
 * A run of the tensor's bytes: either `data`, or `shared_bytes` of the file `shared_path`. After the last frame that
 * names shared memory, the puller cancels the call once it has read everything: then the file is used again.
 */
export interface TensorFrame__Output {
  /**
   * At most 8 MiB.
   */
  'data': (Buffer);
  /**
   * CRC-32 (as in zlib) of the bytes.
   */
  'crc32': (number);
  /**
   * Position in the tensor, and in the shared file.
   */
  'offset': (string);
  /**
   * Size of the whole tensor.
   */
  'totalBytes': (string);
  'sharedPath': (string);
  'sharedBytes': (string);
}
