import { ClusterError } from "@cogfleet/core";
import {
  BufferSource,
  BufferTarget,
  EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  MP4,
  Mp4OutputFormat,
  Output,
} from "mediabunny";
import { clearTimes } from "./boxes.js";
import type { Encoded, VideoTags } from "./video.js";

/**
 * The file that users get: moov first, colours described, tags, no clock. Its bytes depend on the H.264 samples, the
 * frame rate and the tags only.
 */
export async function writeMp4(
  encoded: Encoded,
  fps: number,
  tags: VideoTags,
): Promise<Uint8Array<ArrayBuffer>> {
  const input = new Input({ source: new BufferSource(encoded.mp4), formats: [MP4] });
  const track = await input.getPrimaryVideoTrack();
  const decoder = await track?.getDecoderConfig();
  if (track === null || decoder === null || decoder === undefined)
    throw new ClusterError("internal", "the encoder wrote no video track");
  const decoderConfig = {
    ...decoder,
    colorSpace: {
      primaries: "bt709", // those of sRGB
      transfer: "bt709",
      matrix: encoded.matrix === "bt601" ? "smpte170m" : "bt709",
      fullRange: false,
    },
  } as const;

  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: "in-memory" }), target });
  const source = new EncodedVideoPacketSource("avc");
  output.addVideoTrack(source, { frameRate: fps });
  output.setMetadataTags({ ...tags });
  await output.start();
  let frame = 0;
  for await (const { data } of new EncodedPacketSink(track).packets()) {
    // minih264 leaves the list of key frames out, so the samples are asked.
    const type = hasKeyFrame(data) ? "key" : "delta";
    await source.add(new EncodedPacket(data, type, frame / fps, 1 / fps), { decoderConfig });
    frame += 1;
  }
  await output.finalize();
  if (target.buffer === null) throw new ClusterError("internal", "the MP4 writer gave no bytes");
  const file = new Uint8Array(target.buffer);
  clearTimes(file);
  return file;
}

const IDR = 5; // nal_unit_type of a slice of a key frame (H.264, table 7-1)

/** Whether a sample, NAL units each after its length in four bytes, holds a key frame. */
function hasKeyFrame(sample: Uint8Array): boolean {
  const view = new DataView(sample.buffer, sample.byteOffset, sample.byteLength);
  for (let at = 0; at + 5 <= sample.length; at += 4 + view.getUint32(at)) {
    if ((view.getUint8(at + 4) & 0x1f) === IDR) return true;
  }
  return false;
}
