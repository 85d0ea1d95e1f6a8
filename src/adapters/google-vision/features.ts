import type { VisionProvider } from "../../pipeline/ports/vision.ts";

/** The features requested from Google Vision, all in one call. Sorted. */
export const features = [
  "LABEL_DETECTION",
  "LOGO_DETECTION",
  "OBJECT_LOCALIZATION",
  "TEXT_DETECTION",
  "WEB_DETECTION",
] as const;

/** As the deployed service requests them. Text has no such bound. */
export const maxResults = 5;

/** As the deployed service names it in its events. */
export const provider: VisionProvider = {
  name: "vision",
  apiVersion: "v1",
  featureset: [
    "LogoDetection",
    "TextDetection",
    "LabelDetection",
    "WebDetection",
    "ObjectLocalization",
  ],
  maxResults,
  reasoningName: null,
  reasoningModel: null,
};
