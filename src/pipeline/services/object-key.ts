import { toIso } from "../time.ts";

const extensions: Readonly<Record<string, string>> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
};

/**
 * `images/{yyyy}/{MM}/{dd}/{uuid}.{ext}` by the UTC date. The client's extension is kept when
 * it is a plain one; an odd one (which the real services accept here and refuse later, as a 500)
 * gives way to that of the content type.
 */
export function objectKeyFor(options: {
  filename: string;
  contentType: string;
  uuid: string;
  nowMs: number;
}): string {
  const [year, month, day] = toIso(options.nowMs).slice(0, 10).split("-");
  const own = /\.([A-Za-z0-9]{1,10})$/.exec(options.filename)?.[1]?.toLowerCase();
  const extension = own ?? extensions[options.contentType.toLowerCase()] ?? "jpg";
  return `images/${year}/${month}/${day}/${options.uuid}.${extension}`;
}
