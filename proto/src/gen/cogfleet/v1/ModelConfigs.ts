// Original file: proto/cogfleet/v1/fleet.proto


/**
 * As the files of the checkpoint have them.
 */
export interface ModelConfigs {
  'transformerJson'?: (string);
  'vaeJson'?: (string);
  'textEncoderJson'?: (string);
}

/**
 * As the files of the checkpoint have them.
 */
export interface ModelConfigs__Output {
  'transformerJson': (string);
  'vaeJson': (string);
  'textEncoderJson': (string);
}
