// longsky/eval/chart.hpp — a picture as a list of shapes, and the same picture as SVG and, by cairo, as PNG.
//
// Colours are inks with a role, so that one SVG is right on white paper and on a dark screen.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/core/utf8.hpp>
#include <longsky/eval/colour.hpp>

#include <cairo.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longsky {

/// Text as it may stand in HTML and SVG: markup escaped, control characters and broken UTF-8 replaced.
[[gnu::cold]] inline std::string escaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = utf8_length(text, i);
    const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    if (length == 0 || control) {
      out += "\ufffd";
      ++i;
      continue;
    }
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.append(text, i, length);
    }
    i += length;
  }
  return out;
}

struct Point {
  double x = 0, y = 0;
};

/// Where a text stands beside its point.
enum class Anchor { start, middle, end };

/// How a text looks.
struct TextStyle {
  double size = 12;
  Ink ink = ink::text;
  Anchor anchor = Anchor::start;
  bool bold = false;
  bool upwards = false;  ///< turned by 90 degrees, reads from below
};

/// How a line looks.
struct LineStyle {
  Ink ink = ink::text;
  double width = 1;
  double opacity = 1;
  bool dashed = false;
};

/// A picture of `width` x `height` units; x grows to the right, y downwards.
class Picture {
 public:
  Picture(double width, double height, std::string title) : width_(width), height_(height), title_(std::move(title)) {
    rectangle({0, 0}, width, height, ink::paper);
  }

  void rectangle(Point corner, double width, double height, Ink fill) {
    shapes_.push_back({.kind = Kind::rectangle, .points = {corner, {width, height}}, .ink = fill});
  }
  void line(std::vector<Point> points, const LineStyle& style) {
    if (points.empty()) return;
    shapes_.push_back({.kind = Kind::line,
                       .points = std::move(points),
                       .ink = style.ink,
                       .size = style.width,
                       .opacity = style.opacity,
                       .dashed = style.dashed});
  }
  /// `at` is on the text's base line.
  void text(Point at, std::string text, const TextStyle& style) {
    shapes_.push_back({.kind = Kind::text,
                       .points = {at},
                       .ink = style.ink,
                       .size = style.size,
                       .text = std::move(text),
                       .anchor = style.anchor,
                       .bold = style.bold,
                       .upwards = style.upwards});
  }

  double width() const { return width_; }
  double height() const { return height_; }
  const std::string& title() const { return title_; }

  /// An <svg> element: a file by itself, or part of an HTML page.
  [[gnu::cold]] std::string svg() const {
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(width_) + " " +
                      number(height_) + "\" width=\"" + number(width_) + "\" height=\"" + number(height_) +
                      "\" role=\"img\" font-family=\"system-ui,'DejaVu Sans',sans-serif\">\n<title>" + escaped(title_) +
                      "</title>\n" + dark_style();
    for (const Shape& shape : shapes_) out += svg_of(shape);
    return out + "</svg>\n";
  }

  /// The bytes of a PNG file, `scale` pixels a unit, on white. Throws Error where cairo cannot draw it.
  [[gnu::cold]] std::string png(double scale = 2) const {
    const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, pixels(width_, scale), pixels(height_, scale)),
        cairo_surface_destroy);
    const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> context(cairo_create(surface.get()), cairo_destroy);
    cairo_scale(context.get(), scale, scale);
    for (const Shape& shape : shapes_) draw(context.get(), shape);
    std::string bytes;
    const auto append = [](void* to, const unsigned char* data, unsigned length) {
      static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(data), length);
      return CAIRO_STATUS_SUCCESS;
    };
    cairo_status_t status = cairo_status(context.get());
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_write_to_png_stream(surface.get(), append, &bytes);
    if (status != CAIRO_STATUS_SUCCESS)
      throw Error(ExitCode::failure, "the picture '" + title_ + "' cannot be drawn as PNG: " +
                                         cairo_status_to_string(status) + "; its SVG has the same content");
    return bytes;
  }

  static int pixels(double units, double scale) { return static_cast<int>(std::lround(units * scale)); }

 private:
  enum class Kind { rectangle, line, text };
  struct Shape {
    Kind kind;
    std::vector<Point> points;  // a rectangle's are its corner and its size
    Ink ink;
    double size = 1;
    double opacity = 1;
    bool dashed = false;
    std::string text = {};
    Anchor anchor = Anchor::start;
    bool bold = false, upwards = false;
  };

  static std::string number(double x) {
    std::string s = fixed_text(x, 2);
    s.erase(s.find_last_not_of('0') + 1);
    if (s.back() == '.') s.pop_back();
    return s;
  }

  // The attributes hold the colours of paper; a style sheet beats attributes, so a dark screen needs nothing else.
  static std::string dark_style() {
    std::string rules;
    const auto rule = [&](const Ink& i) {
      const std::string name(i.role), colour = hex(i.dark);
      rules += ".f-" + name + "{fill:" + colour + "}.s-" + name + "{stroke:" + colour + "}";
    };
    for (const Ink& i : {ink::paper, ink::text, ink::muted, ink::grid}) rule(i);
    for (const Ink& i : ink::lines) rule(i);
    return "<style>@media (prefers-color-scheme:dark){" + rules + "}</style>\n";
  }

  static std::string paint(const char* attribute, char letter, const Ink& ink) {
    std::string out = std::string(" ") + attribute + "=\"" + hex(ink.light) + "\"";
    if (!ink.role.empty()) out += std::string(" class=\"") + letter + "-" + std::string(ink.role) + "\"";
    return out;
  }

  [[gnu::cold]] static std::string svg_of(const Shape& s) {
    const Point p = s.points[0];
    if (s.kind == Kind::rectangle)
      return "<rect x=\"" + number(p.x) + "\" y=\"" + number(p.y) + "\" width=\"" + number(s.points[1].x) +
             "\" height=\"" + number(s.points[1].y) + "\"" + paint("fill", 'f', s.ink) + "/>\n";
    if (s.kind == Kind::text) {
      constexpr const char* anchors[] = {"start", "middle", "end"};
      std::string out = "<text x=\"" + number(p.x) + "\" y=\"" + number(p.y) + "\" font-size=\"" + number(s.size) +
                        "\"" + paint("fill", 'f', s.ink) + " text-anchor=\"" + anchors[static_cast<int>(s.anchor)] +
                        "\"";
      if (s.bold) out += " font-weight=\"bold\"";
      if (s.upwards) out += " transform=\"rotate(-90 " + number(p.x) + " " + number(p.y) + ")\"";
      return out + ">" + escaped(s.text) + "</text>\n";
    }
    std::string out = "<polyline fill=\"none\" stroke-linejoin=\"round\" stroke-width=\"" + number(s.size) + "\"" +
                      paint("stroke", 's', s.ink);
    if (s.opacity < 1) out += " stroke-opacity=\"" + number(s.opacity) + "\"";
    if (s.dashed) out += " stroke-dasharray=\"4 3\"";
    out += " points=\"";
    for (const Point q : s.points) out += number(q.x) + "," + number(q.y) + " ";
    return out + "\"/>\n";
  }

  [[gnu::cold]] static void draw(cairo_t* c, const Shape& s) {
    const auto channel = [&](int i) { return s.ink.light.channel(i) / 255.0; };
    cairo_set_source_rgba(c, channel(0), channel(1), channel(2), s.opacity);
    const Point p = s.points[0];
    if (s.kind == Kind::rectangle) {
      cairo_rectangle(c, p.x, p.y, s.points[1].x, s.points[1].y);
      cairo_fill(c);
    } else if (s.kind == Kind::line) {
      const double dashes[] = {4, 3};
      cairo_set_dash(c, dashes, s.dashed ? 2 : 0, 0);
      cairo_set_line_width(c, s.size);
      cairo_set_line_join(c, CAIRO_LINE_JOIN_ROUND);
      for (const Point q : s.points) cairo_line_to(c, q.x, q.y);
      cairo_stroke(c);
    } else {
      // By name: which font is "sans-serif" depends on the language of the environment.
      cairo_select_font_face(c, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                             s.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
      cairo_set_font_size(c, s.size);
      cairo_text_extents_t extents;
      cairo_text_extents(c, s.text.c_str(), &extents);
      const double shift = s.anchor == Anchor::start    ? 0
                           : s.anchor == Anchor::middle ? extents.x_advance / 2
                                                        : extents.x_advance;
      cairo_save(c);
      cairo_translate(c, p.x, p.y);
      if (s.upwards) cairo_rotate(c, -std::numbers::pi / 2);
      cairo_move_to(c, -shift, 0);
      cairo_show_text(c, s.text.c_str());
      cairo_new_path(c);
      cairo_restore(c);
    }
  }

  double width_, height_;
  std::string title_;
  std::vector<Shape> shapes_;
};

}  // namespace longsky
