// SPDX-License-Identifier: LGPL-2.1-or-later
// Teams: the work-items that do one thing together, and share sums.
//
// On a GPU a team is a sub-group, where the host defines its size, SUB_GROUP: what it shares goes from register to
// register. Else it is the group, which shares `shared`, in local memory. On a processor it is one work-item. All of a
// team must come to what is shared.

#ifndef GPU
#define TEAM 1
#elif defined SUB_GROUP
#define TEAM SUB_GROUP
#else
#define TEAM LOCAL_ITEMS
#endif

#if !defined GPU
#define TEAMWORK POINTWISE
#define SHARED 8

int team_lane(void)
{
    return 0;
}

range team_range(size_t items)
{
    return range_of(items);
}

float team_sum(float x, local float *shared)
{
    return x;
}

#else

// The one item that a team does, or none.
range one_item(size_t team, size_t items)
{
    range part = { team, min(team + 1, items) };
    return part;
}

#ifdef SUB_GROUP
#ifdef cl_intel_required_subgroup_size
#define SIZED __attribute__((intel_reqd_sub_group_size(SUB_GROUP)))
#else
#define SIZED // the host looks whether it came to be that
#endif
#define TEAMWORK kernel SIZED __attribute__((reqd_work_group_size(LOCAL_ITEMS, 1, 1))) void
#define SHARED 8

int team_lane(void)
{
    return get_sub_group_local_id();
}

range team_range(size_t items)
{
    return one_item(get_group_id(0) * (LOCAL_ITEMS / TEAM) + get_sub_group_id(), items);
}

float team_sum(float x, local float *shared)
{
    return sub_group_reduce_add(x);
}

#define EACH(f, x) (float8)(f(x.s0), f(x.s1), f(x.s2), f(x.s3), f(x.s4), f(x.s5), f(x.s6), f(x.s7))

float8 team_sum8(float8 x, local float *shared)
{
    return EACH(sub_group_reduce_add, x);
}

float8 team_max8(float8 x, local float *shared)
{
    return EACH(sub_group_reduce_max, x);
}

// So that team_get8 finds what lane k gave.
void team_put8(float8 x, local float *shared)
{
}

float8 team_get8(float8 x, int k, local float *shared)
{
#define OF_LANE(x) sub_group_broadcast(x, k)
    return EACH(OF_LANE, x);
}

// What the others wrote to global memory is seen afterwards.
void team_wait(void)
{
    sub_group_barrier(CLK_GLOBAL_MEM_FENCE);
}

#else
#define TEAMWORK POINTWISE
#define SHARED (8 * LOCAL_ITEMS)

int team_lane(void)
{
    return get_local_id(0);
}

range team_range(size_t items)
{
    return one_item(get_group_id(0), items);
}

// By halves, so that the order of what is joined is always the same.
#define FOLD(name, type, load, store, join)                                                                            \
    type name(type x, local float *shared)                                                                             \
    {                                                                                                                  \
        const int lane = get_local_id(0);                                                                              \
        for (int n = TEAM / 2; n > 0; n /= 2) {                                                                        \
            barrier(CLK_LOCAL_MEM_FENCE);                                                                              \
            store(x, lane, shared);                                                                                    \
            barrier(CLK_LOCAL_MEM_FENCE);                                                                              \
            const type other = load(lane ^ n, shared);                                                                 \
            x = join(x, other);                                                                                        \
        }                                                                                                              \
        return x;                                                                                                      \
    }
#define PLUS(a, b) ((a) + (b))
#define LOAD_LOCAL(i, from) ((from)[i])
#define STORE_LOCAL(x, i, to) ((to)[i] = (x))

FOLD(team_sum, float, LOAD_LOCAL, STORE_LOCAL, PLUS)
FOLD(team_sum8, float8, vload8, vstore8, PLUS)
FOLD(team_max8, float8, vload8, vstore8, fmax)

void team_put8(float8 x, local float *shared)
{
    barrier(CLK_LOCAL_MEM_FENCE);
    vstore8(x, get_local_id(0), shared);
    barrier(CLK_LOCAL_MEM_FENCE);
}

float8 team_get8(float8 x, int k, local float *shared)
{
    return vload8(k, shared);
}

void team_wait(void)
{
    barrier(CLK_GLOBAL_MEM_FENCE);
}

#endif
#endif
