import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";

// Every way in which a file can fail to be a photograph, and the expected error.

type Broken = {
  readonly file: string;
  readonly error: string;
  readonly make: (photo: Buffer) => Promise<Buffer> | Buffer;
};

export const broken: readonly Broken[] = [
  { file: "empty.jpg", error: "E_IMAGE_EMPTY", make: () => Buffer.alloc(0) },
  {
    file: "text.jpg",
    error: "E_IMAGE_NOT_AN_IMAGE",
    make: () => Buffer.from("This is a note that somebody renamed to .jpg.\n"),
  },
  {
    file: "truncated.jpg",
    error: "E_IMAGE_TRUNCATED",
    make: (photo) => photo.subarray(0, Math.floor(photo.length * 0.6)),
  },
  {
    file: "truncated-header.jpg",
    error: "E_IMAGE_TRUNCATED",
    make: (photo) => photo.subarray(0, 16),
  },
  {
    file: "truncated.png",
    error: "E_IMAGE_TRUNCATED",
    make: async (photo) => {
      const png = await small(photo).png().toBuffer();
      return png.subarray(0, Math.floor(png.length * 0.5));
    },
  },
  {
    file: "damaged.png",
    error: "E_IMAGE_NOT_AN_IMAGE",
    make: async (photo) => {
      const png = await small(photo).png().toBuffer();
      return png.fill(0x55, 2_000, 6_000);
    },
  },
  {
    file: "animation.gif",
    error: "E_IMAGE_TYPE_REFUSED",
    make: (photo) => small(photo).gif().toBuffer(),
  },
  {
    file: "scan.tiff",
    error: "E_IMAGE_TYPE_REFUSED",
    make: (photo) => small(photo).tiff({ compression: "jpeg" }).toBuffer(),
  },
  { file: "bitmap.bmp", error: "E_IMAGE_TYPE_REFUSED", make: () => bitmap() },
  {
    file: "drawing.svg",
    error: "E_IMAGE_TYPE_REFUSED",
    make: () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>\n'),
  },
  {
    file: "document.pdf",
    error: "E_IMAGE_TYPE_REFUSED",
    make: () => Buffer.from("%PDF-1.4\n%%EOF\n"),
  },
  {
    file: "phone.heic",
    error: "E_IMAGE_TYPE_REFUSED",
    make: () => Buffer.from("\0\0\0\u0018ftypheic\0\0\0\0mif1heic", "latin1"),
  },
  {
    file: "huge-header.png",
    error: "E_IMAGE_TOO_MANY_PIXELS",
    make: async (photo) => {
      const png = await small(photo).resize(16, 16).png().toBuffer();
      png.writeUInt32BE(2_000_000_000, 16);
      png.writeUInt32BE(2_000_000_000, 20);
      return png;
    },
  },
  {
    file: "huge-pixels.png",
    error: "E_IMAGE_TOO_MANY_PIXELS",
    make: () =>
      sharp({
        create: { width: 8_000, height: 7_000, channels: 3, background: "#888888" },
        limitInputPixels: false,
      })
        .png({ palette: true, colours: 2, compressionLevel: 9 })
        .toBuffer(),
  },
];

export async function writeBroken(folder: string, photo: Buffer): Promise<void> {
  for (const { file, make } of broken) await writeFile(join(folder, file), await make(photo));
}

function small(photo: Buffer): Sharp {
  return sharp(photo).resize(120, 90);
}

/** Two by two pixels, 24 bits each. */
function bitmap(): Buffer {
  const bytes = Buffer.alloc(54 + 16, 0x80);
  bytes.fill(0, 0, 54);
  bytes.write("BM", "latin1");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(2, 18);
  bytes.writeInt32LE(2, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  return bytes;
}
