// SPDX-License-Identifier: LGPL-2.1-or-later
// Film in fields, by the public API: pictures that last for 2 and 3 fields in turns, or in other ways, come out once
// each, as they went in.
#include <udm/udm.h>

#include "compare.h"

enum { WIDTH = 96, HEIGHT = 64, PIXELS = WIDTH * HEIGHT, MOST = 400 };

// Which picture each field shows. Parities alternate, top field first.
typedef struct tape {
    int shown[MOST];
    int fields, pictures;
    double step;  // pixels that a picture moves by
    int noise;    // levels, of each field anew
    bool hurried; // nothing is guessed of more than a field
} tape;

// `count` more pictures, which last for as many fields as the pattern says, from a phase on.
static void add_scene(tape *t, const char *pattern, int phase, int count)
{
    const int length = (int)strlen(pattern);
    for (int i = 0; i < count; i++, t->pictures++)
        for (int k = pattern[(i + phase) % length] - '0'; k > 0; k--)
            t->shown[t->fields++] = t->pictures;
    ck_assert_int_le(t->fields, MOST);
}

static unsigned hash(unsigned a, unsigned b)
{
    unsigned h = a * 2654435761u ^ b * 2246822519u;
    h ^= h >> 15, h *= 2246822519u, h ^= h >> 13;
    return h >> 8;
}

// Discs that move across a still background with lines of one row.
static void draw(const tape *t, int picture, uint8_t *to)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            to[y * WIDTH + x] = y % 16 == 5 ? 200 : (uint8_t)(60 + 40 * sin(x * 0.2) * cos(y * 0.17));
    for (int k = 0; k < 3; k++) {
        const double cx = fmod(20 + 41 * k + t->step * picture, WIDTH + 40) - 20, cy = 15 + 17 * k; // in and out again
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                if ((x - cx) * (x - cx) + (y - cy) * (y - cy) < 80)
                    to[y * WIDTH + x] = (uint8_t)(150 + 30 * k + (x + y) % 3);
    }
}

// Frame i of the tape.
static void weave(const tape *t, int i, uint8_t *to)
{
    static uint8_t picture[PIXELS];
    for (int k = 0; k < 2; k++) {
        draw(t, t->shown[2 * i + k], picture);
        for (int y = k; y < HEIGHT; y += 2)
            for (int x = 0; x < WIDTH; x++) {
                const int at = y * WIDTH + x;
                const int noise = t->noise ? (int)(hash(at, i) % (2 * t->noise + 1)) - t->noise : 0;
                to[at] = (uint8_t)(picture[at] + noise);
            }
    }
}

static udm_image grey(uint8_t *pixels)
{
    return (udm_image){ .width = WIDTH,
                        .height = HEIGHT,
                        .channels = 1,
                        .bits = 8,
                        .data = { pixels },
                        .stride = { WIDTH },
                        .step = { 1 } };
}

static udm_deinterlacer *open_way(udm_deinterlace how)
{
    udm_settings settings;
    udm_error error = { 0 };
    udm_settings_init(&settings, sizeof settings);
    settings.width = WIDTH, settings.height = HEIGHT, settings.channels = 1, settings.threads = 1;
    udm_deinterlacer *d = udm_deinterlacer_open(&settings, how, &error);
    assert_ok(d, &error);
    return d;
}

static void push(udm_deinterlacer *d, uint8_t *pixels, udm_woven how)
{
    udm_error error = { 0 };
    const udm_image image = grey(pixels);
    how.image = &image;
    assert_ok(udm_deinterlacer_push(d, &how, &error), &error);
}

static bool pull(udm_deinterlacer *d, uint8_t *to, udm_unwoven *made)
{
    udm_error error = { 0 };
    const udm_image out = grey(to);
    const udm_pulled pulled = udm_deinterlacer_pull(d, &out, NULL, made, &error);
    ck_assert_msg(pulled != UDM_PULLED_FAILED, "%s", error.message);
    return pulled == UDM_PULLED_FRAME;
}

// What came out of a tape: the fields of each frame, and whether it was woven.
typedef struct result {
    int first[MOST], last[MOST];
    bool woven[MOST];
    uint8_t pixels[MOST][PIXELS];
    int count;
} result;

static result *run(const tape *t, udm_deinterlace how)
{
    static uint8_t frame[PIXELS];
    static result r;
    udm_deinterlacer *d = open_way(how);
    r.count = 0;
    udm_deinterlacer_hurry(d, t->hurried);
    for (int i = 0; i <= t->fields / 2; i++) {
        udm_unwoven what;
        if (i < t->fields / 2) {
            weave(t, i, frame);
            push(d, frame, (udm_woven){ 0 });
        } else {
            udm_deinterlacer_end(d);
        }
        for (; pull(d, r.pixels[r.count], &what); r.count++) {
            ck_assert_uint_le(i - what.first.frame, (unsigned)udm_deinterlacer_delay(d));
            r.first[r.count] = 2 * (int)what.first.frame + what.first.field;
            r.last[r.count] = 2 * (int)what.last.frame + what.last.field;
            r.woven[r.count] = what.woven;
        }
    }
    udm_deinterlacer_free(d);
    return &r;
}

// Each picture once, of all its fields, in order, and as it was drawn.
static void expect_pictures(const tape *t, const result *r, int noise)
{
    static uint8_t picture[PIXELS];
    ck_assert_int_eq(r->count, t->pictures);
    for (int n = 0; n < r->count; n++) {
        test_at("picture %d", n);
        ck_assert_int_eq(t->shown[r->first[n]], n);
        ck_assert_int_eq(t->shown[r->last[n]], n);
        ck_assert(r->first[n] == 0 || t->shown[r->first[n] - 1] == n - 1);
        ck_assert(r->last[n] == t->fields - 1 || t->shown[r->last[n] + 1] == n + 1);
        ck_assert(r->woven[n]);
        draw(t, n, picture);
        assert_within(r->pixels[n], picture, PIXELS, noise);
    }
}

static const struct {
    const char *pattern;
    int phase, noise;
} films[] = { { "32", 0, 0 }, { "32", 1, 0 }, { "32", 0, 8 },           { "2332", 0, 0 }, { "2332", 0, 8 },
              { "2", 0, 0 },  { "2", 0, 8 },  { "222222222223", 4, 0 }, { "33", 0, 0 },   { "32", 1, 8 } };

START_TEST(each_picture_of_film_comes_out_once)
{
    tape t = { .step = 3.7, .noise = films[_i].noise };
    test_case("pictures of %s fields from %d, noise of %d levels", films[_i].pattern, films[_i].phase, t.noise);
    add_scene(&t, films[_i].pattern, films[_i].phase, 48);
    expect_pictures(&t, run(&t, UDM_DEINTERLACE_FILM), t.noise);
}
END_TEST

// What moves slowly, by less than a pixel, is film, too.
START_TEST(slow_motion_is_enough)
{
    tape t = { .step = 0.6 };
    add_scene(&t, "32", 0, 48);
    expect_pictures(&t, run(&t, UDM_DEINTERLACE_FILM), 0);
}
END_TEST

// A finished tape was cut: every scene begins at a phase of its own, with a whole picture.
START_TEST(the_cadence_changes_at_cuts)
{
    tape t = { .step = 40 }; // a cut in between is no more than a jump
    for (int scene = 0; scene < 6; scene++) {
        test_case("from %d fields", t.fields);
        add_scene(&t, "32", scene % 2, 17 + scene % 3);
    }
    expect_pictures(&t, run(&t, UDM_DEINTERLACE_FILM), 0);
}
END_TEST

// Where every field is of its own, frames come out, one for each that went in, and no field is missing between them;
// the same in a hurry.
START_TEST(no_frame_of_video_is_lost)
{
    static uint8_t picture[PIXELS];
    tape t = { .step = 3.7, .hurried = _i };
    add_scene(&t, "32", 0, 24);
    add_scene(&t, "1", 0, 60);
    add_scene(&t, "32", 0, 24);
    const result *r = run(&t, UDM_DEINTERLACE_FILM);
    int next = 0, guessed = 0;
    for (int n = 0; n < r->count; n++) {
        test_at("frame %d, fields %d to %d", n, r->first[n], r->last[n]);
        ck_assert_int_eq(r->first[n], next);
        next = r->last[n] + 1;
        guessed += !r->woven[n];
        draw(&t, t.shown[r->first[n]], picture);
        for (int y = r->first[n] % 2; y < HEIGHT; y += 2)
            assert_same(r->pixels[n] + y * WIDTH, picture + y * WIDTH, WIDTH);
        ck_assert(!r->woven[n] || t.shown[r->first[n]] == t.shown[r->last[n]]);
    }
    ck_assert_int_eq(next, t.fields);
    ck_assert_int_ge(guessed, 28);
    ck_assert_int_le(guessed, 33);
}
END_TEST

// Frames stay as many as they are, and are whole, where pictures of film are; of video they are completed.
START_TEST(frames_are_woven_where_that_is_right)
{
    static uint8_t picture[PIXELS];
    tape t = { .step = 3.7 };
    add_scene(&t, _i ? "2" : "32", 0, 40);
    const result *r = run(&t, UDM_DEINTERLACE_WHOLE);
    ck_assert_int_eq(r->count, t.fields / 2);
    for (int n = 0; n < r->count; n++) {
        test_at("frame %d", n);
        ck_assert_int_eq(r->first[n], 2 * n);
        ck_assert(r->woven[n]);
        draw(&t, t.shown[2 * n], picture);
        assert_same(r->pixels[n], picture, PIXELS);
    }
}
END_TEST

START_TEST(video_is_not_woven)
{
    tape t = { .step = 3.7 };
    add_scene(&t, "1", 0, 60);
    const result *r = run(&t, UDM_DEINTERLACE_WHOLE);
    ck_assert_int_eq(r->count, 30);
    for (int n = 0; n < r->count; n++)
        ck_assert(!r->woven[n]);
}
END_TEST

// Decoders give whole frames that say when their first field is shown again. That is believed, whatever is seen.
START_TEST(flags_are_believed)
{
    static uint8_t frames[8][PIXELS], made[PIXELS];
    udm_deinterlacer *d = open_way(UDM_DEINTERLACE_FILM);
    bool bottom_first = false;
    int count = 0;
    for (int i = 0; i <= 8; i++) {
        udm_unwoven what;
        for (int k = 0; k < PIXELS && i < 8; k++)
            frames[i][k] = (uint8_t)hash(k, i); // as combed as can be
        if (i < 8) {
            push(d, frames[i], (udm_woven){ .progressive = true, .repeat_first = i % 2, .bottom_first = bottom_first });
            bottom_first ^= i % 2;
        } else {
            udm_deinterlacer_end(d);
        }
        for (; pull(d, made, &what); count++) {
            test_at("frame %d", count);
            assert_same(made, frames[count], PIXELS);
            ck_assert_int_eq((int)what.first.frame, count);
            ck_assert_int_eq((int)what.last.frame, count);
            ck_assert_int_eq(what.last.field, count % 2 ? 2 : 1);
            ck_assert_int_eq((int)what.next.frame, count < 7 ? count + 1 : 7);
        }
    }
    ck_assert_int_eq(count, 8);
    udm_deinterlacer_free(d);
}
END_TEST

// Fields of both kinds may follow each other in any order, alone too, and nothing is lost or seen twice.
START_TEST(any_order_of_fields)
{
    static uint8_t frame[PIXELS], made[PIXELS];
    for (int way = UDM_DEINTERLACE_WHOLE; way <= UDM_DEINTERLACE_FILM; way++) {
        udm_deinterlacer *d = open_way((udm_deinterlace)way);
        uint64_t done = 0;
        int count = 0;
        test_case("way %d", way);
        for (int i = 0; i <= 60; i++) {
            const unsigned random = hash(i, 77);
            udm_unwoven what;
            memset(frame, (int)(random & 255), PIXELS);
            if (i < 60)
                push(d, frame,
                     (udm_woven){ .bottom_first = random >> 8 & 1,
                                  .one_field = (random >> 9 & 3) == 0,
                                  .progressive = (random >> 11 & 3) == 0,
                                  .repeat_first = random >> 13 & 1,
                                  .discontinuity = (random >> 14 & 7) == 0 });
            else
                udm_deinterlacer_end(d);
            for (; pull(d, made, &what); count++) {
                ck_assert_uint_eq(what.first.frame, done);
                ck_assert_uint_ge(what.done, done);
                ck_assert_uint_le(what.done - done, way == UDM_DEINTERLACE_WHOLE ? 1 : 2);
                done = what.done;
            }
        }
        ck_assert_uint_eq(done, 60);
        if (way == UDM_DEINTERLACE_WHOLE)
            ck_assert_int_eq(count, 60);
        udm_deinterlacer_free(d);
    }
}
END_TEST

// After a reset a film comes out as it did.
START_TEST(the_same_after_a_reset)
{
    static uint8_t frame[PIXELS], made[2][MOST][PIXELS];
    udm_deinterlacer *d = open_way(UDM_DEINTERLACE_FILM);
    tape t = { .step = 3.7 };
    add_scene(&t, "32", 0, 30);
    for (int turn = 0; turn < 2; turn++) {
        int count = 0;
        for (int i = 0; i <= t.fields / 2; i++) {
            if (i < t.fields / 2) {
                weave(&t, i, frame);
                push(d, frame, (udm_woven){ 0 });
            } else {
                udm_deinterlacer_end(d);
            }
            while (pull(d, made[turn][count], NULL))
                count++;
        }
        ck_assert_int_eq(count, 30);
        udm_deinterlacer_reset(d);
        if (turn == 0) { // what is held is forgotten
            push(d, frame, (udm_woven){ 0 });
            udm_deinterlacer_reset(d);
        }
    }
    assert_same(made[0][0], made[1][0], 30 * PIXELS);
    udm_deinterlacer_free(d);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = each_picture_of_film_comes_out_once, .cases = COUNT_OF(films) },
        { .test = slow_motion_is_enough },
        { .test = the_cadence_changes_at_cuts },
        { .test = no_frame_of_video_is_lost, .cases = 2 },
        { .test = frames_are_woven_where_that_is_right, .cases = 2 },
        { .test = video_is_not_woven },
        { .test = flags_are_believed },
        { .test = any_order_of_fields },
        { .test = the_same_after_a_reset },
    };
    return test_main("telecine", tests, COUNT_OF(tests));
}
