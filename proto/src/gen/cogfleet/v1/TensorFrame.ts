// Original file: proto/cogfleet/v1/exchange.proto

import type { Long } from '@grpc/proto-loader';

export interface TensorFrame {
  /**
   * 4 to 8 MiB, the last one shorter.
   */
  'data'?: (Buffer | Uint8Array | string);
  /**
   * CRC-32C of data.
   */
  'crc32c'?: (number);
  /**
   * Position of data in the tensor, and size of the tensor, in bytes.
   */
  'offset'?: (number | string | Long);
  'totalBytes'?: (number | string | Long);
}

export interface TensorFrame__Output {
  /**
   * 4 to 8 MiB, the last one shorter.
   */
  'data': (Buffer);
  /**
   * CRC-32C of data.
   */
  'crc32c': (number);
  /**
   * Position of data in the tensor, and size of the tensor, in bytes.
   */
  'offset': (string);
  'totalBytes': (string);
}
