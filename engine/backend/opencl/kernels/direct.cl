// SPDX-License-Identifier: LGPL-2.1-or-later
// Any convolution as one matrix product: a row of the left matrix is all that an output pixel sees, [taps][sources]
// [channels].
#ifdef LANES

// Appends the channels of a source at pixel (y, x), zeros outside of it; up to 15 zeros more, which the next
// overwrites.
void gather_pixel(const udm_cl_tensor *src, const global feature *data, int y, int x, global float *row)
{
    bool within = y >= 0 && y < src->h && x >= 0 && x < src->w;
    size_t plane = (size_t)src->h * src->w * BLOCK;
    const global feature *from = data + src->at + (within ? ((size_t)y * src->w + x) * BLOCK : 0);
    for (int b = 0; b < divide_up(src->c, BLOCK); b++)
        for (int lane = 0; lane < BLOCK; lane += LANES)
            store(row + b * BLOCK + lane, within ? load_features(from + b * plane + lane) : (vec)0);
}

void gather_row(const udm_cl_conv *conv, const global feature *src0, const global feature *src1,
                const global feature *src2, int pixel, global float *row)
{
    int top = pixel / conv->dst.w * conv->stride - conv->padding;
    int left = pixel % conv->dst.w * conv->stride - conv->padding;
    for (int ky = 0; ky < conv->size; ky++)
        for (int kx = 0; kx < conv->size; kx++)
            for (int s = 0; s < conv->sources; s++) {
                const udm_cl_tensor src = SOURCE(*conv, s);
                gather_pixel(&src, s == 0 ? src0 : s == 1 ? src1 : src2, top + ky, left + kx, row);
                row += src.c;
            }
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_direct(const udm_cl_conv conv, global feature *dst, const global feature *residual, const global feature *src0,
            const global feature *src1, const global feature *src2, const global float *weights, global float *scratch,
            volatile global int *counter)
{
    global float *rows = scratch + get_group_id(0) * conv.per_worker, *sums = rows + (size_t)conv.batch * conv.row;
    for (int index = draw_job(counter, &conv); index >= 0; index = draw_job(counter, &conv)) {
        job part = job_of(&conv, index);
        for (int first = part.first; first < part.end; first += conv.batch) {
            int count = min(part.end - first, conv.batch);
            for (int i = 0; i < count; i++)
                gather_row(&conv, src0, src1, src2, first + i, rows + (size_t)i * conv.row);
            for (int g = part.first_group; g < part.end_group; g++) {
                int width = group_width(&conv, g);
                multiply(rows, conv.row, panel(&conv, weights, g, 0, 1), width, sums, count, conv.depth);
                for (int side = 0; side < width / BLOCK; side++)
                    for (int i = 0; i < count; i++)
                        for (int lane = 0; lane < BLOCK; lane += LANES)
                            finish(&conv, dst, residual, weights + conv.bias, 2 * g + side, first + i, lane,
                                   load(sums + i * GROUP + side * BLOCK + lane));
            }
        }
    }
}

#endif
