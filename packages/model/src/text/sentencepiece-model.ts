// The part of sentencepiece's ModelProto that a unigram tokenizer needs: src/sentencepiece_model.proto.
import { ClusterError } from "@cogfleet/core";
import protobuf from "protobufjs";

export interface Piece {
  readonly text: string;
  /** Logarithm of its probability, a float32. */
  readonly score: number;
  /** A control or user-defined symbol: never part of a word. */
  readonly isSymbol: boolean;
}

export interface SentencePieceModel {
  /** By id. */
  readonly pieces: readonly Piece[];
  /** The compiled normalization rules, empty if there are none. */
  readonly charsmap: Uint8Array;
}

// Tags: field number << 3 | wire type.
const MODEL = { pieces: 0x0a, trainerSpec: 0x12, normalizerSpec: 0x1a } as const;
const PIECE = { piece: 0x0a, score: 0x15, type: 0x18 } as const;
const TRAINER = { modelType: 0x18 } as const;
const NORMALIZER = { precompiledCharsmap: 0x12 } as const;
const UNIGRAM = 1; // TrainerSpec.ModelType
const CONTROL = 3; // SentencePiece.Type
const USER_DEFINED = 4;
const MAX_PIECES = 2 ** 20; // T5 has 32,000, mT5 250,000
const MAX_PIECE_LENGTH = 256; // SentencePiece makes them of 16 characters at most

/**
 * Reads a spiece.model. `source` names it in errors: `invalid_checkpoint` when it is no such file, `unsupported` when
 * it is no unigram model.
 */
export function parseSentencePieceModel(source: string, bytes: Uint8Array): SentencePieceModel {
  try {
    return parseModel(source, protobuf.Reader.create(bytes));
  } catch (cause) {
    if (cause instanceof ClusterError) throw cause;
    throw new ClusterError("invalid_checkpoint", `${source} is not a SentencePiece model, or cut off`, {
      cause,
    });
  }
}

// A field at a time, so that a file of a million nothings is refused at the first, not once it fills the memory.
function parseModel(source: string, reader: protobuf.Reader): SentencePieceModel {
  const pieces: Piece[] = [];
  let charsmap: Uint8Array = new Uint8Array();
  let modelType = UNIGRAM;
  fields(reader, reader.len, (tag) => {
    if (tag === MODEL.pieces) {
      pieces.push(parsePiece(source, pieces.length, reader));
      if (pieces.length > MAX_PIECES)
        throw new ClusterError("invalid_checkpoint", `${source} holds more than ${MAX_PIECES} pieces`);
    } else if (tag === MODEL.trainerSpec) {
      submessage(reader, (inner) => {
        if (inner !== TRAINER.modelType) return false;
        modelType = reader.int32();
        return true;
      });
    } else if (tag === MODEL.normalizerSpec) {
      submessage(reader, (inner) => {
        if (inner !== NORMALIZER.precompiledCharsmap) return false;
        charsmap = reader.bytes();
        return true;
      });
    } else return false;
    return true;
  });
  if (modelType !== UNIGRAM)
    throw new ClusterError(
      "unsupported",
      `${source}: model_type ${modelType} is not supported, only 1 (unigram)`,
    );
  return { pieces, charsmap };
}

function parsePiece(source: string, id: number, reader: protobuf.Reader): Piece {
  let text = "";
  let score = 0;
  let type = 0;
  submessage(reader, (tag) => {
    if (tag === PIECE.piece) text = reader.string();
    else if (tag === PIECE.score) score = reader.float();
    else if (tag === PIECE.type) type = reader.int32();
    else return false;
    return true;
  });
  if (text === "" || text.length > MAX_PIECE_LENGTH || !Number.isFinite(score))
    throw new ClusterError(
      "invalid_checkpoint",
      `${source}: piece ${id} must have a text of 1 to ${MAX_PIECE_LENGTH} characters and a finite score, got ${JSON.stringify(text.slice(0, 40))} and ${score}`,
    );
  return { text, score, isSymbol: type === CONTROL || type === USER_DEFINED };
}

function submessage(reader: protobuf.Reader, read: (tag: number) => boolean): void {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) throw new RangeError("a message is longer than the file");
  fields(reader, end, read);
}

/** `read` takes the field with this tag and returns true, or takes nothing. */
function fields(reader: protobuf.Reader, end: number, read: (tag: number) => boolean): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!read(tag)) reader.skipType(tag & 7);
  }
  if (reader.pos !== end) throw new RangeError("a field is longer than its message");
}
