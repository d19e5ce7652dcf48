"""The screens that screenshots are made on, and how programs name their files."""

from __future__ import annotations

from tagger.core.names import folded


def _sizes(text: str) -> frozenset[tuple[int, int]]:
    """Pairs such as "1080x2340", the shorter side first."""
    pairs = (tuple(sorted(int(side) for side in each.split("x"))) for each in text.split())
    return frozenset((short, long) for short, long in pairs)


# In pixels. A phone's size is no camera's, and no usual size of pictures on the web: it tells also without PNG.
PHONES = _sizes(
    # iPhones
    "640x1136 750x1334 828x1792 1125x2436 1170x2532 1179x2556 1206x2622 1242x2208 1242x2688 1260x2736 1284x2778"
    " 1290x2796 1320x2868"
    # Android
    " 720x1440 720x1480 720x1520 720x1544 720x1560 720x1600 720x1604 720x1612 720x1640 720x1650 832x2268 904x2316"
    " 1008x2244 1080x2160 1080x2220 1080x2240 1080x2244 1080x2246 1080x2248 1080x2280 1080x2310 1080x2312 1080x2316"
    " 1080x2340 1080x2376 1080x2388 1080x2400 1080x2404 1080x2408 1080x2412 1080x2424 1080x2436 1080x2448 1080x2460"
    " 1080x2520 1080x2640 1096x2560 1116x2484 1156x2510 1172x2748 1176x2400 1200x2640 1200x2652 1216x2640 1220x2712"
    " 1224x2700 1228x2700 1240x2772 1256x2760 1260x2800 1264x2780 1280x2772 1280x2800 1280x2856 1312x2848 1344x2772"
    " 1344x2992 1440x2880 1440x2960 1440x3040 1440x3088 1440x3120 1440x3168 1440x3200 1440x3216 1644x3840"
)
_TABLETS = _sizes(
    # with older phones, and those that scale what they show
    "320x480 480x800 480x854 540x960 640x960 720x1280 768x1280 1080x1920 1440x2560"
    " 600x1024 768x1024 800x1280 1200x1920 1200x2000 1440x2304 1488x2266 1504x2176 1536x2048 1600x2560 1620x2160"
    " 1640x2360 1668x2224 1668x2388 1668x2420 1752x2800 1768x2208 1812x2176 1840x2208 1848x2960 1856x2160 1880x3000"
    " 2000x2800 2048x2732 2064x2752 2076x2152 2156x2344"
)
# Wider than high, because they rarely stand upright, and 1200x1600 and others are cameras' sizes, too.
_MONITORS = _sizes(
    "1024x1280 1050x1680 1080x2048 1080x2560 1152x2048 1200x1600 720x1280 768x1366 1050x1400 768x1360 900x1440"
    " 1440x2160 1440x3440 1440x5120 1504x2256 960x1536 900x1600 1600x3840 1664x2560 1680x2520 1692x3008 1800x2880"
    " 1824x2736 1864x2880 1920x2880 1920x3072 1964x3024 2000x3000 2048x3072 2160x3240 2160x3840 2160x4096 2160x5120"
    " 2234x3456 2304x4096 2520x4480 2880x5120 3000x4500 3384x6016 4320x7680"
)

# As phones and systems call their screenshots in the languages that they speak.
_NAMES = (
    *("screenshot", "screen shot", "screen_shot", "screen-shot", "screencapture", "screen capture", "scrnshot"),
    *("bildschirmfoto", "captura de pantalla", "captura de tela", "captura de ecrã", "captura_de_pantalla"),
    *("capture d’écran", "capture d'écran", "capture decran", "capture d ecran", "schermata", "istantanea schermo"),
    *("schermafbeelding", "schermafdruk", "skärmavbild", "skärmbild", "skjermbilde", "skjermdump", "skærmbillede"),
    *("näyttökuva", "kuvakaappaus", "zrzut ekranu", "snímek obrazovky", "snímka obrazovky", "képernyőfotó"),
    *("képernyőkép", "captură de ecran", "captură ecran", "ekran görüntüsü", "ekran resmi", "ekran alıntısı"),
    *("снимок экрана", "скриншот", "знімок екрана", "στιγμιότυπο οθόνης", "スクリーンショット", "屏幕截图", "屏幕快照"),
    *("螢幕截圖", "螢幕快照", "螢幕擷取", "截屏", "截圖", "스크린샷", "화면 캡처", "צילום מסך", "لقطة شاشة"),
    *("ภาพหน้าจอ", "ảnh chụp màn hình", "tangkapan layar", "cuplikan layar", "snimka zaslona", "екранна снимка"),
)
SCREENSHOT_NAMES = tuple(map(folded, _NAMES))


def is_screen(size: tuple[int, int], *, lossless: bool) -> bool:
    """Whether pictures of a width and height are screenshots' size; of a kind that keeps every pixel, or of others."""
    shape = (min(size), max(size))
    if not lossless:
        return shape in PHONES
    return shape in PHONES | _TABLETS or (shape in _MONITORS and size[0] > size[1])
