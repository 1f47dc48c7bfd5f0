// Original file: proto/cogfleet/v1/generation.proto

import type { Long } from '@grpc/proto-loader';

export interface DownloadChunk {
  'data'?: (Buffer | Uint8Array | string);
  /**
   * Position of `data` in the artifact, in bytes.
   */
  'offset'?: (number | string | Long);
  /**
   * Size of the whole artifact, in bytes.
   */
  'totalBytes'?: (number | string | Long);
}

export interface DownloadChunk__Output {
  'data': (Buffer);
  /**
   * Position of `data` in the artifact, in bytes.
   */
  'offset': (string);
  /**
   * Size of the whole artifact, in bytes.
   */
  'totalBytes': (string);
}
